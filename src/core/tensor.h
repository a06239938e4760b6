#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/result.h"
#include "core/shape.h"

namespace edgefusion {

/// A dense, row-major tensor somebody else owns, read only. `data` may be unaligned (files).
struct ConstTensorView {
  const std::byte* data = nullptr;
  Shape shape;
  DType dtype = DType::f32;

  size_t bytes() const { return static_cast<size_t>(shape.elements()) * size_of(dtype); }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(data);
  }
};

/// The same, writable.
struct TensorView {
  std::byte* data = nullptr;
  Shape shape;
  DType dtype = DType::f32;

  size_t bytes() const { return static_cast<size_t>(shape.elements()) * size_of(dtype); }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data);
  }
  operator ConstTensorView() const { return {data, shape, dtype}; }
};

/// A dense, row-major tensor with its own memory (64-byte aligned, zeroed).
class Tensor {
 public:
  Tensor() = default;
  Tensor(Shape shape, DType dtype);
  static Tensor from_f32(Shape shape, std::span<const float> values);
  static Tensor copy_of(ConstTensorView view);

  Tensor(Tensor&&) noexcept;
  Tensor& operator=(Tensor&&) noexcept;
  Tensor(const Tensor& other);
  Tensor& operator=(const Tensor& other);
  ~Tensor();

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  int64_t elements() const { return shape_.elements(); }
  TensorView view() { return {data_, shape_, dtype_}; }
  ConstTensorView view() const { return {data_, shape_, dtype_}; }
  /// The elements; T must have the size of the dtype (checked).
  template <typename T>
  std::span<T> values() {
    EF_CHECK(sizeof(T) == size_of(dtype_), "element size");
    return {reinterpret_cast<T*>(data_), static_cast<size_t>(elements())};
  }
  template <typename T>
  std::span<const T> values() const {
    EF_CHECK(sizeof(T) == size_of(dtype_), "element size");
    return {reinterpret_cast<const T*>(data_), static_cast<size_t>(elements())};
  }
  /// Same elements under another shape (element counts must agree; checked).
  Tensor reshaped(Shape shape) &&;

 private:
  std::byte* data_ = nullptr;
  Shape shape_{0};
  DType dtype_ = DType::f32;
};

/// Element i of a float or integer tensor of any dtype, as f32 (alignment not required).
float load_as_f32(const ConstTensorView& tensor, int64_t i);
/// All elements as f32; dst holds tensor.shape.elements() values.
void convert_to_f32(const ConstTensorView& tensor, float* dst);
/// A copy in f32.
Tensor to_f32(const ConstTensorView& tensor);

/// NCHW <-> NHWC for rank-4 f32 tensors; conversion happens only at the edges of the program.
Tensor nchw_to_nhwc(const ConstTensorView& x);
Tensor nhwc_to_nchw(const ConstTensorView& x);

struct QuantizedTensor;

/// Named tensors of one network: a file, a folder of shards, or values made up by a test.
/// Views stay valid as long as the source lives.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  /// The tensor of that name, or nullptr. Of a quantised tensor the view has no data.
  virtual const ConstTensorView* find(std::string_view name) const = 0;
  /// The codes of a quantised tensor (core/quantized_tensor.h), or nullptr if it is none.
  virtual const QuantizedTensor* quantized(std::string_view name) const {
    (void)name;
    return nullptr;
  }
  /// All names, sorted.
  virtual std::vector<std::string> names() const = 0;
  /// Where it comes from, for messages ("unet/diffusion_pytorch_model.safetensors").
  virtual std::string origin() const = 0;
  /// The files the tensors lie in, in a fixed order; empty if they lie in none.
  virtual std::vector<std::string> files() const { return {}; }
  /// Hint that this tensor's bytes will not be read again soon (a mapped file drops its pages).
  virtual void release(std::string_view name) const { (void)name; }
};

}  // namespace edgefusion
