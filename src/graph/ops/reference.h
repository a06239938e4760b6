#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/activation.h"
#include "core/tensor.h"
#include "graph/op.h"

// The loops the reference formulas share. Plain, in double; fast enough for small networks.

namespace edgefusion::graph {

/// The activation as documented in core/activation.h.
double activate(Activation activation, double x);

/// The floats of an operand, or nullptr where it is absent.
const float* optional_data(std::span<const ConstTensorView> inputs, size_t slot);

/// x, or x and the second source in slot `x2` side by side in channels, held by `scratch`.
const float* joined_sources(std::span<const ConstTensorView> inputs, size_t x, size_t x2,
                            std::vector<float>& scratch);

/// [rows, columns] f32 -> [columns, rows] f64.
std::vector<double> transposed(const float* matrix, int64_t rows, int64_t columns);

/// y[o] += sum over k of x[k] * matrix[k][o]; matrix is [x.size(), y.size()].
void multiply_row(std::span<const double> x, const double* matrix, std::span<double> y);

/// One row of a matrix op's result. bias and residual may be nullptr.
struct RowEpilogue {
  const float* bias = nullptr;
  const float* residual = nullptr;
  Epilogue epilogue;
};
void store_row(std::span<const double> sums, const RowEpilogue& row, float* dst);

}  // namespace edgefusion::graph
