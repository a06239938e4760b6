#include "core/tensor.h"

#include <utility>

#include "core/arena.h"

namespace edgefusion {
namespace {

std::byte* allocate_zeroed(size_t bytes) {
  std::byte* data = allocate_block(bytes);
  if (bytes < kSystemBlockBytes) std::memset(data, 0, bytes);
  return data;
}

template <typename T>
T load_unaligned(const std::byte* data, int64_t i) {
  T value;
  std::memcpy(&value, data + static_cast<size_t>(i) * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void convert_all(const ConstTensorView& tensor, float* dst) {
  const int64_t count = tensor.shape.elements();
  for (int64_t i = 0; i < count; ++i) {
    dst[i] = static_cast<float>(load_unaligned<T>(tensor.data, i));
  }
}

}  // namespace

Tensor::Tensor(Shape shape, DType dtype) : shape_(shape), dtype_(dtype) {
  data_ = allocate_zeroed(static_cast<size_t>(shape.elements()) * size_of(dtype));
}

Tensor Tensor::from_f32(Shape shape, std::span<const float> values) {
  EF_CHECK(shape.elements() == static_cast<int64_t>(values.size()), shape.to_string());
  Tensor tensor(shape, DType::f32);
  if (!values.empty()) std::memcpy(tensor.data_, values.data(), values.size_bytes());
  return tensor;
}

Tensor Tensor::copy_of(ConstTensorView view) {
  Tensor tensor(view.shape, view.dtype);
  if (view.bytes() != 0) std::memcpy(tensor.data_, view.data, view.bytes());
  return tensor;
}

Tensor::Tensor(Tensor&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      shape_(std::exchange(other.shape_, Shape{0})),
      dtype_(other.dtype_) {}

Tensor& Tensor::operator=(Tensor&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(shape_, other.shape_);
  std::swap(dtype_, other.dtype_);
  return *this;
}

Tensor::Tensor(const Tensor& other) : shape_(other.shape_), dtype_(other.dtype_) {
  if (other.data_ == nullptr) return;
  data_ = allocate_zeroed(other.view().bytes());
  std::memcpy(data_, other.data_, other.view().bytes());
}

Tensor& Tensor::operator=(const Tensor& other) {
  if (this != &other) *this = Tensor(other);
  return *this;
}

Tensor::~Tensor() {
  if (data_ != nullptr) free_block(data_, view().bytes());
}

Tensor Tensor::reshaped(Shape shape) && {
  EF_CHECK(shape.elements() == elements(), shape_.to_string() + " to " + shape.to_string());
  Tensor result = std::move(*this);
  result.shape_ = shape;
  return result;
}

float load_as_f32(const ConstTensorView& tensor, int64_t i) {
  switch (tensor.dtype) {
    case DType::f32:
      return load_unaligned<float>(tensor.data, i);
    case DType::f16:
      return f16_to_f32(load_unaligned<uint16_t>(tensor.data, i));
    case DType::bf16:
      return bf16_to_f32(load_unaligned<uint16_t>(tensor.data, i));
    case DType::f64:
      return static_cast<float>(load_unaligned<double>(tensor.data, i));
    case DType::i64:
      return static_cast<float>(load_unaligned<int64_t>(tensor.data, i));
    case DType::i32:
      return static_cast<float>(load_unaligned<int32_t>(tensor.data, i));
    case DType::i16:
      return static_cast<float>(load_unaligned<int16_t>(tensor.data, i));
    case DType::i8:
      return static_cast<float>(load_unaligned<int8_t>(tensor.data, i));
    case DType::u64:
      return static_cast<float>(load_unaligned<uint64_t>(tensor.data, i));
    case DType::u32:
      return static_cast<float>(load_unaligned<uint32_t>(tensor.data, i));
    case DType::u16:
      return static_cast<float>(load_unaligned<uint16_t>(tensor.data, i));
    case DType::u8:
    case DType::boolean:
      return static_cast<float>(load_unaligned<uint8_t>(tensor.data, i));
  }
  return 0.0f;
}

void convert_to_f32(const ConstTensorView& tensor, float* dst) {
  if (tensor.dtype == DType::f32) {
    if (tensor.bytes() != 0) std::memcpy(dst, tensor.data, tensor.bytes());
    return;
  }
  const int64_t count = tensor.shape.elements();
  if (tensor.dtype == DType::i64) return convert_all<int64_t>(tensor, dst);
  if (tensor.dtype == DType::i32) return convert_all<int32_t>(tensor, dst);
  for (int64_t i = 0; i < count; ++i) dst[i] = load_as_f32(tensor, i);
}

Tensor to_f32(const ConstTensorView& tensor) {
  Tensor result(tensor.shape, DType::f32);
  convert_to_f32(tensor, result.values<float>().data());
  return result;
}

Tensor nchw_to_nhwc(const ConstTensorView& x) {
  EF_CHECK(x.shape.rank() == 4 && x.dtype == DType::f32, x.shape.to_string());
  const int64_t n = x.shape[0], c = x.shape[1], hw = x.shape[2] * x.shape[3];
  Tensor y(Shape{n, x.shape[2], x.shape[3], c}, DType::f32);
  const float* src = x.as<float>();
  float* dst = y.values<float>().data();
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < c; ++j) {
      for (int64_t p = 0; p < hw; ++p) dst[(i * hw + p) * c + j] = src[(i * c + j) * hw + p];
    }
  }
  return y;
}

Tensor nhwc_to_nchw(const ConstTensorView& x) {
  EF_CHECK(x.shape.rank() == 4 && x.dtype == DType::f32, x.shape.to_string());
  const int64_t n = x.shape[0], hw = x.shape[1] * x.shape[2], c = x.shape[3];
  Tensor y(Shape{n, c, x.shape[1], x.shape[2]}, DType::f32);
  const float* src = x.as<float>();
  float* dst = y.values<float>().data();
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t p = 0; p < hw; ++p) {
      for (int64_t j = 0; j < c; ++j) dst[(i * c + j) * hw + p] = src[(i * hw + p) * c + j];
    }
  }
  return y;
}

}  // namespace edgefusion
