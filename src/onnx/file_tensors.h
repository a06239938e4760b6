#pragma once

#include <string>

#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"

namespace edgefusion::onnx {

/// A weight of the graph as floats [shape], whatever the file has: tensors stacked along their
/// first axis, halves, codes.
Tensor float_weight(const graph::Node& weight, const Shape& shape, const TensorSource& weights);

/// Rows and columns of a matrix change places; elements of any type.
Tensor transposed(const Tensor& matrix, int64_t rows, int64_t columns);

/// f32 -> f32 or f16. Errors: bad_file, a finite value that becomes an infinity.
Result<Tensor> in_type(Tensor values, DType type);

}  // namespace edgefusion::onnx
