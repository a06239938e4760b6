#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace edgefusion {

/// Element types of tensors in files and in memory.
enum class DType : uint8_t { f32, f16, bf16, i64, i32, u8, i8, f64, i16, u16, u32, u64, boolean };

size_t size_of(DType dtype);
/// "f32", "bf16", ...
std::string_view to_string(DType dtype);

/// f16 <-> f32, IEEE binary16, round to nearest even; NaN stays NaN, overflow becomes infinity.
float f16_to_f32(uint16_t bits);
uint16_t f32_to_f16(float value);

inline float bf16_to_f32(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}
/// Round to nearest even; NaN stays NaN (quiet).
uint16_t f32_to_bf16(float value);

}  // namespace edgefusion
