#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "core/dtype.h"

// What the tests and the benchmark of the family share.

namespace edgefusion::kernels {

/// Floats kept as a kernel wants them: in f32, or rounded to bf16.
class Elements {
 public:
  Elements(DType dtype, const std::vector<float>& values) : dtype_(dtype) {
    bytes_.resize(values.size() * size_of(dtype));
    for (size_t i = 0; i < values.size(); ++i) {
      const uint16_t rounded = f32_to_bf16(values[i]);
      if (dtype == DType::bf16) std::memcpy(at(i), &rounded, sizeof rounded);
      if (dtype == DType::f32) std::memcpy(at(i), &values[i], sizeof(float));
    }
  }
  void* at(size_t index) { return bytes_.data() + index * size_of(dtype_); }
  const void* at(size_t index) const { return bytes_.data() + index * size_of(dtype_); }

  std::vector<float> floats() const {
    std::vector<float> values(bytes_.size() / size_of(dtype_));
    for (size_t i = 0; i < values.size(); ++i) {
      uint16_t rounded = 0;
      if (dtype_ == DType::f32) std::memcpy(&values[i], at(i), sizeof(float));
      if (dtype_ == DType::bf16) {
        std::memcpy(&rounded, at(i), sizeof rounded);
        values[i] = bf16_to_f32(rounded);
      }
    }
    return values;
  }

 private:
  DType dtype_;
  std::vector<std::byte> bytes_;
};

}  // namespace edgefusion::kernels
