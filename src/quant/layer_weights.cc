#include "quant/layer_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace edgefusion::quant {
namespace {

/// Codes of so many bits one after the other, the least significant bit first; a row begins at a
/// byte.
template <typename Code>
std::vector<std::byte> packed_rows(std::span<const Code> codes, int64_t depth, int bits,
                                   int offset) {
  const auto row_bytes = static_cast<size_t>((depth * bits + 7) / 8);
  const size_t rows = codes.size() / static_cast<size_t>(depth);
  std::vector<std::byte> bytes(rows * row_bytes);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t k = 0; k < static_cast<size_t>(depth); ++k) {
      const auto code = static_cast<unsigned>(codes[row * static_cast<size_t>(depth) + k] + offset);
      for (int b = 0; b < bits; ++b) {
        const size_t bit = k * static_cast<size_t>(bits) + static_cast<size_t>(b);
        if (((code >> b) & 1u) == 0) continue;
        bytes[row * row_bytes + bit / 8] |= static_cast<std::byte>(1u << (bit % 8));
      }
    }
  }
  return bytes;
}

/// Calls take(tensor name, its shape, first output) for each tensor of the layer.
template <typename Take>
void for_each_tensor(const Layer& layer, const TensorSource& source, const Take& take) {
  int64_t first = 0;
  for (const std::string& name : layer.weights) {
    const Shape shape = source.find(name)->shape;
    take(name, shape, first);
    first += shape[0];
  }
}

template <typename T>
std::span<const T> rows_of(const std::vector<T>& values, int64_t first, int64_t count,
                           int64_t width) {
  return std::span<const T>(values).subspan(static_cast<size_t>(first * width),
                                            static_cast<size_t>(count * width));
}

/// Swaps the two inner axes of [outputs, rows, columns].
template <typename T>
std::vector<T> swapped(std::span<const T> values, int64_t outputs, int64_t rows, int64_t columns) {
  std::vector<T> result(values.size());
  for (int64_t o = 0; o < outputs; ++o) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        result[static_cast<size_t>((o * columns + c) * rows + r)] =
            values[static_cast<size_t>((o * rows + r) * columns + c)];
      }
    }
  }
  return result;
}

}  // namespace

std::vector<float> stacked_weights(const Layer& layer, const TensorSource& source) {
  std::vector<float> values(static_cast<size_t>(layer.weight_shape.elements()));
  float* to = values.data();
  for (const std::string& name : layer.weights) {
    const ConstTensorView& tensor = *source.find(name);
    convert_to_f32(tensor, to);
    to += tensor.shape.elements();
  }
  return values;
}

std::vector<float> taps_first(const Layer& layer, std::span<const float> values) {
  return swapped<float>(values, layer.outputs(), layer.channels(), layer.taps());
}

std::vector<float> inputs_first(const Layer& layer, std::span<const float> values) {
  return swapped<float>(values, layer.outputs(), layer.taps(), layer.channels());
}

ChannelCodes round_tensor(const WeightMatrix& weights) {
  float largest = 0;
  for (const float value : weights.values) largest = std::max(largest, std::abs(value));
  const float step = largest > 0 ? largest / 127.0f : 1.0f;
  ChannelCodes codes = {weights.outputs, weights.depth, {}, {}};
  codes.scales.assign(static_cast<size_t>(weights.outputs), step);
  for (const float value : weights.values) {
    codes.codes.push_back(static_cast<int8_t>(std::nearbyint(value / step)));
  }
  return codes;
}

void store_channel_codes(const Layer& layer, const TensorSource& source, const ChannelCodes& codes,
                         const graph::LayerQuantization& settings, StoredWeights& stored) {
  for_each_tensor(layer, source, [&](const std::string& name, const Shape& shape, int64_t first) {
    formats::QuantizedWeights& weights = stored[name];
    weights.code = WeightCode::s8;
    weights.shape = shape;
    const auto rows = std::as_bytes(rows_of(codes.codes, first, shape[0], codes.depth));
    weights.codes.assign(rows.begin(), rows.end());
    const auto scales = rows_of(codes.scales, first, shape[0], 1);
    weights.scales.assign(scales.begin(), scales.end());
    weights.hadamard = settings.hadamard;
    if (!settings.input_scale.empty()) weights.layer = layer.name;
  });
}

void store_group_codes(const Layer& layer, const TensorSource& source, const GroupCodes& codes,
                       StoredWeights& stored) {
  const auto ordered =
      swapped<int8_t>(codes.codes, layer.outputs(), layer.taps(), layer.channels());
  for_each_tensor(layer, source, [&](const std::string& name, const Shape& shape, int64_t first) {
    formats::QuantizedWeights& weights = stored[name];
    weights.code = WeightCode::s4;
    weights.shape = shape;
    weights.group = codes.group;
    constexpr int kBits = 4, kZero = 8;
    weights.codes =
        packed_rows(rows_of(ordered, first, shape[0], codes.depth), codes.depth, kBits, kZero);
    const auto scales = rows_of(codes.scales, first, shape[0], codes.groups());
    weights.scales.assign(scales.begin(), scales.end());
  });
}

void store_palette_codes(const Layer& layer, const TensorSource& source, const PaletteCodes& codes,
                         StoredWeights& stored) {
  const auto ordered =
      swapped<uint8_t>(codes.indices, layer.outputs(), layer.taps(), layer.channels());
  for_each_tensor(layer, source, [&](const std::string& name, const Shape& shape, int64_t first) {
    formats::QuantizedWeights& weights = stored[name];
    weights.code = codes.bits == 4   ? WeightCode::palette4
                   : codes.bits == 5 ? WeightCode::palette5
                                     : WeightCode::palette6;
    weights.shape = shape;
    weights.rows_per_palette = codes.rows_per_palette;
    weights.codes =
        packed_rows(rows_of(ordered, first, shape[0], codes.depth), codes.depth, codes.bits, 0);
    const int64_t palette = first / codes.rows_per_palette;
    const int64_t count = (shape[0] + codes.rows_per_palette - 1) / codes.rows_per_palette;
    const auto entries = rows_of(codes.palettes, palette, count, codes.entries());
    weights.palettes.assign(entries.begin(), entries.end());
  });
}

void store_biases(const Layer& layer, const TensorSource& source, std::span<const float> delta,
                  std::map<std::string, Tensor>& biases) {
  size_t first = 0;
  for (const std::string& name : layer.biases) {
    Tensor bias = to_f32(*source.find(name));
    for (float& value : bias.values<float>()) value += delta[first++];
    biases[name] = std::move(bias);
  }
}

}  // namespace edgefusion::quant
