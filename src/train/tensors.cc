#include "train/tensors.h"

#include <ATen/ATen.h>

#include <cstring>

namespace edgefusion::train {
namespace {

at::ScalarType type_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return at::kFloat;
    case DType::f16:
      return at::kHalf;
    case DType::bf16:
      return at::kBFloat16;
    case DType::i32:
      return at::kInt;
    case DType::i64:
      return at::kLong;
    default:
      EF_CHECK(false, "a type that networks use");
  }
  return at::kFloat;
}

}  // namespace

Shape shape_of(const at::Tensor& x) {
  return Shape(std::span<const int64_t>(x.sizes().data(), x.sizes().size()));
}

at::IntArrayRef extents_of(const Shape& shape) {
  return {shape.extents().data(), shape.extents().size()};
}

at::Tensor to_torch(const ConstTensorView& tensor) {
  at::Tensor x = at::empty(extents_of(tensor.shape), type_of(tensor.dtype));
  std::memcpy(x.data_ptr(), tensor.data, tensor.bytes());
  return x;
}

Tensor to_tensor(const at::Tensor& x) {
  const bool integers = at::isIntegralType(x.scalar_type(), true);
  const at::Tensor dense = x.detach().to(at::kCPU, integers ? at::kInt : at::kFloat).contiguous();
  Tensor tensor(shape_of(dense), integers ? DType::i32 : DType::f32);
  std::memcpy(tensor.view().data, dense.data_ptr(), tensor.view().bytes());
  return tensor;
}

}  // namespace edgefusion::train
