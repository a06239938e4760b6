#include "graph/ops/reference.h"

#include <cmath>
#include <numbers>

namespace edgefusion::graph {
namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

}  // namespace

double activate(Activation activation, double x) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return x < 0 ? 0 : x;
    case Activation::silu:
      return x * sigmoid(x);
    case Activation::gelu:
      return 0.5 * x * (1.0 + std::erf(x / std::numbers::sqrt2));
    case Activation::gelu_tanh: {
      const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      return 0.5 * x * (1.0 + std::tanh(inner));
    }
    case Activation::quick_gelu:
      return x * sigmoid(1.702 * x);
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sigmoid:
      return sigmoid(x);
  }
  return x;
}

const float* optional_data(std::span<const ConstTensorView> inputs, size_t slot) {
  return slot < inputs.size() && inputs[slot].data != nullptr ? inputs[slot].as<float>() : nullptr;
}

const float* joined_sources(std::span<const ConstTensorView> inputs, size_t x, size_t x2,
                            std::vector<float>& scratch) {
  const float* first = inputs[x].as<float>();
  const float* second = optional_data(inputs, x2);
  if (second == nullptr) return first;
  const int64_t width = inputs[x].shape[-1], width2 = inputs[x2].shape[-1];
  for (int64_t row = 0; row < inputs[x].shape.rows(); ++row, first += width, second += width2) {
    scratch.insert(scratch.end(), first, first + width);
    scratch.insert(scratch.end(), second, second + width2);
  }
  return scratch.data();
}

std::vector<double> transposed(const float* matrix, int64_t rows, int64_t columns) {
  std::vector<double> result(static_cast<size_t>(rows * columns));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      result[static_cast<size_t>(c * rows + r)] = static_cast<double>(matrix[r * columns + c]);
    }
  }
  return result;
}

void multiply_row(std::span<const double> x, const double* matrix, std::span<double> y) {
  const size_t width = y.size();
  double* __restrict sums = y.data();
  size_t k = 0;
  for (; k + 4 <= x.size();
       k += 4) {  // four rows a turn: the sums are loaded and stored less often
    const double* __restrict rows = matrix + k * width;
    const double x0 = x[k], x1 = x[k + 1], x2 = x[k + 2], x3 = x[k + 3];
    for (size_t o = 0; o < width; ++o) {
      sums[o] += (x0 * rows[o] + x1 * rows[width + o]) +
                 (x2 * rows[2 * width + o] + x3 * rows[3 * width + o]);
    }
  }
  for (; k < x.size(); ++k) {
    const double* __restrict row = matrix + k * width;
    for (size_t o = 0; o < width; ++o) sums[o] += x[k] * row[o];
  }
}

void store_row(std::span<const double> sums, const RowEpilogue& row, float* dst) {
  for (size_t o = 0; o < sums.size(); ++o) {
    const double bias = row.bias == nullptr ? 0.0 : static_cast<double>(row.bias[o]);
    const double residual = row.residual == nullptr ? 0.0 : static_cast<double>(row.residual[o]);
    const double sum = sums[o] + bias;
    const Activation activation = row.epilogue.activation;
    const double y = row.epilogue.activation_after_residual ? activate(activation, sum + residual)
                                                            : activate(activation, sum) + residual;
    dst[o] = static_cast<float>(y);
  }
}

}  // namespace edgefusion::graph
