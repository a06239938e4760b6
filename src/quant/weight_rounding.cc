#include "quant/weight_rounding.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/dtype.h"
#include "core/result.h"

namespace edgefusion::quant {
namespace {

/// To nearest even, |x| below 2^22. Unlike std::nearbyint a compiler makes vectors of it.
float rounded(float x) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: the last place is 1
  return (x + kShift) - kShift;
}

struct CodeRange {
  float lowest, highest;
};
constexpr CodeRange kS8{-127, 127}, kS4{-8, 7};

float code_of(float value, float inverse_scale, CodeRange range) {
  return std::clamp(rounded(value * inverse_scale), range.lowest, range.highest);
}

/// Sum of importance * (value - code * scale)^2.
double square_error(std::span<const float> values, std::span<const float> importance, float scale,
                    CodeRange range) {
  // Eight sums that vectors can hold; their order is the same on every machine.
  constexpr size_t kLanes = 8;
  std::array<float, kLanes> sums{};
  const float inverse = 1 / scale;
  const size_t whole = values.size() / kLanes * kLanes;
  double total = 0;
  constexpr size_t kBlock = 256;  // f32 sums stay short
  for (size_t begin = 0; begin < whole; begin += kBlock) {
    for (size_t i = begin; i < std::min(begin + kBlock, whole); i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const float value = values[i + lane];
        const float error = value - code_of(value, inverse, range) * scale;
        sums[lane] += importance[i + lane] * error * error;
      }
    }
    for (float& sum : sums) {
      total += static_cast<double>(sum);
      sum = 0;
    }
  }
  for (size_t i = whole; i < values.size(); ++i) {
    const float error = values[i] - code_of(values[i], inverse, range) * scale;
    total += static_cast<double>(importance[i] * error * error);
  }
  return total;
}

/// Scaled to a largest of 1; all 1 where nothing is known.
std::vector<float> to_float(std::span<const double> importance, int64_t depth) {
  if (importance.empty()) return std::vector<float>(static_cast<size_t>(depth), 1.0f);
  EF_CHECK(static_cast<int64_t>(importance.size()) == depth, "an importance for each input");
  const double largest = *std::ranges::max_element(importance);
  std::vector<float> result;
  for (const double x : importance) {
    result.push_back(largest > 0 ? static_cast<float>(x / largest) : 1.0f);
  }
  return result;
}

float largest_of(std::span<const float> values) {
  float largest = 0;
  for (const float x : values) largest = std::max(largest, std::fabs(x));
  return largest;
}

float channel_scale(std::span<const float> values, std::span<const float> importance,
                    ClipMethod clip) {
  const float full = largest_of(values) / kS8.highest;
  if (full < std::numeric_limits<float>::min()) return 1;
  if (clip == ClipMethod::largest) return full;
  // Eight bits lose little to a wide range: what clipping gains is found on a coarse grid.
  constexpr int kCandidates = 20;
  constexpr float kStep = 0.025f;
  float best = full;
  double least = square_error(values, importance, full, kS8);
  for (int i = 1; i < kCandidates; ++i) {
    const float scale = full * (1 - kStep * static_cast<float>(i));
    const double error = square_error(values, importance, scale, kS8);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

/// Of either sign: code -8 goes to where it helps.
float group_scale(std::span<const float> values, std::span<const float> importance) {
  const float largest = largest_of(values);
  float best = 1;
  double least = std::numeric_limits<double>::infinity();
  // The largest weight becomes this code; beyond 8 it is clipped.
  for (float code = 6.5f; code <= 11.0f; code += 0.25f) {
    for (const float sign : {1.0f, -1.0f}) {
      const float scale = f16_to_f32(f32_to_f16(sign * largest / code));
      if (scale == 0 || !std::isfinite(scale)) continue;
      const double error = square_error(values, importance, scale, kS4);
      if (error < least) {
        least = error;
        best = scale;
      }
    }
  }
  return best;
}

}  // namespace

ChannelCodes round_channels(const WeightMatrix& weights, ClipMethod clip,
                            std::span<const double> importance) {
  const auto depth = static_cast<size_t>(weights.depth);
  const std::vector<float> weigh = to_float(importance, weights.depth);
  ChannelCodes result{.outputs = weights.outputs, .depth = weights.depth};
  result.codes.reserve(weights.values.size());
  for (int64_t o = 0; o < weights.outputs; ++o) {
    const auto row = weights.values.subspan(static_cast<size_t>(o) * depth, depth);
    const float scale = channel_scale(row, weigh, clip);
    result.scales.push_back(scale);
    for (const float x : row) {
      result.codes.push_back(static_cast<int8_t>(code_of(x, 1 / scale, kS8)));
    }
  }
  return result;
}

GroupCodes round_groups(const WeightMatrix& weights, int64_t group,
                        std::span<const double> importance) {
  EF_CHECK(group > 0, "a group has weights");
  const std::vector<float> weigh = to_float(importance, weights.depth);
  GroupCodes result{.outputs = weights.outputs, .depth = weights.depth, .group = group};
  result.codes.reserve(weights.values.size());
  for (int64_t o = 0; o < weights.outputs; ++o) {
    for (int64_t k = 0; k < weights.depth; k += group) {
      const auto size = static_cast<size_t>(std::min(group, weights.depth - k));
      const auto values = weights.values.subspan(static_cast<size_t>(o * weights.depth + k), size);
      const float scale =
          group_scale(values, std::span(weigh).subspan(static_cast<size_t>(k), size));
      result.scales.push_back(scale);
      for (const float x : values) {
        result.codes.push_back(static_cast<int8_t>(code_of(x, 1 / scale, kS4)));
      }
    }
  }
  return result;
}

}  // namespace edgefusion::quant
