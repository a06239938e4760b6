#include "engine/int8_weights.h"

#include <algorithm>
#include <cmath>

#include "core/content_hash.h"
#include "core/hadamard.h"

namespace edgefusion::engine {
namespace {

using graph::ConvSlots;

/// One output's weights, scaled and rotated: [I,taps].
void round_output(const ConstTensorView& weights, int64_t output, std::span<const float> scale,
                  int hadamard, S8Weights& result, std::vector<float>& row) {
  const int64_t depth = result.inputs * result.taps;
  float largest = 0;
  for (int64_t i = 0; i < depth; ++i) {
    row[static_cast<size_t>(i)] =
        load_as_f32(weights, output * depth + i) * scale[static_cast<size_t>(i / result.taps)];
  }
  if (hadamard > 1) rotate_blocks(row, hadamard);
  for (const float value : row) largest = std::max(largest, std::abs(value));
  const float step = largest > 0 && std::isfinite(largest) ? largest / 127.0f : 1.0f;
  result.scales[static_cast<size_t>(output)] = step;
  for (int64_t i = 0; i < depth; ++i) {
    const float code = std::nearbyint(row[static_cast<size_t>(i)] / step);
    result.codes[static_cast<size_t>(output * depth + i)] =
        std::isnan(code) ? int8_t{0} : static_cast<int8_t>(std::clamp(code, -127.0f, 127.0f));
  }
}

S8Weights sized_as(const Shape& shape) {
  S8Weights result;
  result.outputs = shape[0];
  result.inputs = shape[1];
  result.taps = shape.rank() == 4 ? shape[2] * shape[3] : 1;
  result.codes.resize(static_cast<size_t>(shape.elements()));
  result.scales.resize(static_cast<size_t>(shape[0]));
  return result;
}

/// Tensors of the file one below the other.
S8Weights stacked(const std::vector<const QuantizedTensor*>& parts, const Shape& shape) {
  S8Weights result = sized_as(shape);
  int8_t* codes = result.codes.data();
  float* scales = result.scales.data();
  for (const QuantizedTensor* part : parts) {
    codes = std::copy_n(reinterpret_cast<const int8_t*>(part->codes), part->code_bytes, codes);
    scales = std::copy_n(part->scales, part->outputs(), scales);
  }
  return result;
}

}  // namespace

S8Weights round_to_s8(const ConstTensorView& weights, std::span<const float> input_scale,
                      int hadamard, ThreadPool& pool) {
  S8Weights result = sized_as(weights.shape);
  const auto depth = static_cast<size_t>(result.inputs * result.taps);
  pool.parallel_for(result.outputs, [&](int64_t begin, int64_t end, int) {
    std::vector<float> row(depth);
    for (int64_t o = begin; o < end; ++o) {
      round_output(weights, o, input_scale, hadamard, result, row);
    }
  });
  return result;
}

S8Weights s8_weights(Lowering& lowering, const graph::LayerQuantization& layer) {
  const graph::Node& node = lowering.producer(ConvSlots::weight);
  const Shape& shape = lowering.shape(ConvSlots::weight);
  const auto parts = lowering.weights().quantized(node);
  const bool are_s8 = !parts.empty() && std::ranges::all_of(parts, [](const auto* part) {
    return part->code == WeightCode::s8;
  });
  if (are_s8) return stacked(parts, shape);
  Tensor scratch;
  const ConstTensorView floats = lowering.weights().tensor(node, shape, scratch);
  return round_to_s8(floats, layer.channel_scales(shape[1]), layer.hadamard, lowering.pool());
}

std::string packed_numbers(const graph::LayerQuantization& layer, bool from_floats) {
  ContentHasher hasher;
  hasher.add_text(to_string(layer.scheme));
  hasher.add_number(static_cast<uint64_t>(layer.hadamard));
  const auto add = [&](const std::vector<float>& values) {
    hasher.add({reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(float)});
  };
  if (from_floats) add(layer.input_scale);
  add(layer.position_scale);
  return hasher.result().to_hex();
}

}  // namespace edgefusion::engine
