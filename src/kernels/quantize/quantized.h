#pragma once

#include <cmath>
#include <cstdint>

namespace edgefusion::kernels {

/// The u8 for t = value * inverse_scale, as quantize.h says.
inline uint8_t quantized(float t, int zero_point) {
  if (std::isnan(t)) return static_cast<uint8_t>(zero_point);
  // Clamped as a float: whatever it is, what remains fits an int.
  const float low = static_cast<float>(-zero_point);
  const float high = static_cast<float>(255 - zero_point);
  const float steps = std::nearbyint(t);
  const float clamped = steps < low ? low : steps > high ? high : steps;
  return static_cast<uint8_t>(static_cast<int>(clamped) + zero_point);
}

inline float dequantized(uint8_t q, int zero_point, float scale) {
  return static_cast<float>(static_cast<int>(q) - zero_point) * scale;
}

}  // namespace edgefusion::kernels
