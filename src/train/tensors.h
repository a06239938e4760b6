#pragma once

#include <ATen/core/Tensor.h>

#include "core/tensor.h"

// Between our tensors and libtorch's.

namespace edgefusion::train {

Shape shape_of(const at::Tensor& x);
at::IntArrayRef extents_of(const Shape& shape);

/// A copy, of the same type (f32, f16, bf16, i32, i64).
at::Tensor to_torch(const ConstTensorView& tensor);
/// A copy in f32 (i32 stays), dense, on the CPU.
Tensor to_tensor(const at::Tensor& x);

}  // namespace edgefusion::train
