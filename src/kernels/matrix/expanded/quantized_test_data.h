#pragma once

#include <random>
#include <string>
#include <vector>

#include "kernels/gemm/gemm_test_data.h"
#include "kernels/matrix/expanded/quantized_weights.h"

namespace edgefusion::kernels {

/// Seeded weights of a format, and what they are worth in torch's order.
class QuantizedData {
 public:
  QuantizedData(const WeightFormat& format, int64_t outputs, int64_t inputs, int64_t taps,
                uint32_t seed)
      : weights_{format, nullptr, nullptr, outputs, inputs, taps} {
    std::mt19937 bits(seed);
    codes_.resize(static_cast<size_t>(weights_.code_bytes()));
    for (uint8_t& byte : codes_) byte = static_cast<uint8_t>(bits());
    const size_t count = static_cast<size_t>(weights_.scale_count());
    scales_ = random_values(count, seed + 1);
    for (const float scale : scales_) half_scales_.push_back(f32_to_f16(scale));
    connect();
  }

  /// Products with scales that are powers of two are as exact as the integers.
  void round_scales_to_powers_of_two() {
    for (size_t i = 0; i < scales_.size(); ++i) {
      scales_[i] = std::ldexp(1.0f, -static_cast<int>(i % 7));
      half_scales_[i] = f32_to_f16(scales_[i]);
    }
  }
  void set_scale(size_t i, float scale) {
    scales_[i] = scale;
    half_scales_[i] = f32_to_f16(scale);
  }

  const QuantizedWeights& view() const { return weights_; }

  std::vector<float> values() const {
    std::vector<float> values;
    for (int64_t o = 0; o < weights_.outputs; ++o) {
      for (int64_t i = 0; i < weights_.inputs; ++i) {
        for (int64_t tap = 0; tap < weights_.taps; ++tap) {
          values.push_back(stored_value(weights_, o, i, tap));
        }
      }
    }
    return values;
  }

  /// A view of those values.
  WeightsView float_view(const std::vector<float>& values) const {
    return {values.data(), DType::f32, weights_.outputs, weights_.inputs, weights_.taps};
  }

 private:
  void connect() {
    const bool half = weights_.format.scale_type == DType::f16;
    weights_.codes = codes_.data();
    weights_.scales = half ? static_cast<const void*>(half_scales_.data()) : scales_.data();
  }

  QuantizedWeights weights_;
  std::vector<uint8_t> codes_;
  std::vector<float> scales_;
  std::vector<uint16_t> half_scales_;
};

/// Every kind of weights, and their variants.
inline std::vector<WeightFormat> test_formats() {
  std::vector<WeightFormat> formats;
  for (const DType type : {DType::f32, DType::f16}) {
    formats.push_back({.code = WeightCode::s8, .bits = 8, .scale_type = type});
    for (const int64_t group : {32, 64, 96}) {
      formats.push_back({.code = WeightCode::s4, .bits = 4, .scale_type = type, .group = group});
    }
    for (const int bits : {4, 5, 6}) {
      for (const int64_t rows : {16, 48}) {
        formats.push_back({.code = WeightCode::palette,
                           .bits = bits,
                           .scale_type = type,
                           .rows_per_palette = rows});
      }
    }
  }
  return formats;
}

inline std::string to_string(const WeightFormat& format) {
  const char* const names[] = {"s8", "s4", "palette"};
  return std::string(names[static_cast<int>(format.code)]) + " bits " +
         std::to_string(format.bits) + " group " + std::to_string(format.group) + " rows " +
         std::to_string(format.rows_per_palette) + " scales " +
         std::string(edgefusion::to_string(format.scale_type));
}

}  // namespace edgefusion::kernels
