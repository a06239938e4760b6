#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "onnx/testing/export_case.h"

// Layers of every scheme. What they give is computed with their weights as core/quantized_tensor.h
// makes floats of them, and with activations through the graph's own convert.

namespace edgefusion::onnx {

/// A layer on codes, the same on floats.
struct LayerCase {
  std::string name;
  graph::OpKind op = graph::OpKind::conv2d;
  Shape x, weight;
  graph::LayerQuantization layer;
  WeightCode code = WeightCode::s8;
  int parts = 1;            ///< tensors of the file, stacked
  bool has_floats = false;  ///< the file has floats, which are rounded
  int64_t second = 0;       ///< channels of a second source
};

inline std::vector<std::byte> random_codes(size_t count, uint32_t seed, bool is_s8) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> value(is_s8 ? -127 : 0, is_s8 ? 127 : 255);
  std::vector<std::byte> codes(count);
  for (std::byte& code : codes) code = static_cast<std::byte>(value(random));
  return codes;
}

inline std::vector<float> random_numbers(int64_t count, uint32_t seed, float least, float most) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(least, most);
  std::vector<float> numbers(static_cast<size_t>(count));
  for (float& number : numbers) number = uniform(random);
  return numbers;
}

inline void set_random_codes(CodedWeights& weights, const std::string& name, const Shape& shape,
                             const LayerCase& given, uint32_t seed) {
  QuantizedTensor tensor{.code = given.code, .shape = shape};
  const int64_t depth = shape.elements() / shape[0];
  std::vector<float> numbers = random_numbers(shape[0], seed + 1, 0.002f, 0.006f);
  if (given.code == WeightCode::s4) {
    tensor.group = 8;
    numbers = random_numbers(shape[0] * ((depth + 7) / 8), seed + 1, 0.02f, 0.06f);
  } else if (given.code != WeightCode::s8) {
    tensor.rows_per_palette = 4;
    numbers = random_numbers(((shape[0] + 3) / 4) << bits_of(given.code), seed + 1, -0.5f, 0.5f);
  }
  // Weights of schemes that leave activations alone have no scales of inputs in them.
  if (graph::has_int8_activations(given.layer.scheme)) tensor.input_scale = given.layer.input_scale;
  tensor.hadamard = given.layer.hadamard;
  std::vector<std::byte> codes =
      random_codes(code_bytes(given.code, shape), seed, given.code == WeightCode::s8);
  weights.set_codes(name, std::move(tensor), std::move(codes), std::move(numbers));
}

/// Floats that have been rounded to 8 bits of absmax / 127 after their inputs' scales went in.
inline Tensor rounded(const Tensor& floats, const std::vector<float>& input_scale) {
  Tensor result = floats;
  const Shape& shape = floats.shape();
  const int64_t depth = shape.elements() / shape[0], taps = depth / shape[1];
  const auto values = result.values<float>();
  const auto scale_of = [&](int64_t k) {
    return input_scale[input_scale.size() == 1 ? 0 : static_cast<size_t>(k / taps)];
  };
  for (int64_t o = 0; o < shape[0]; ++o) {
    float largest = 0;
    for (int64_t k = 0; k < depth; ++k) {
      largest =
          std::max(largest, std::abs(values[static_cast<size_t>(o * depth + k)] * scale_of(k)));
    }
    const float step = largest / 127;
    for (int64_t k = 0; k < depth; ++k) {
      float& value = values[static_cast<size_t>(o * depth + k)];
      value = std::nearbyint(value * scale_of(k) / step) * step / scale_of(k);
    }
  }
  return result;
}

/// Adds the layer's node, on x and its second source as they are or through u8.
inline graph::ValueId add_layer(CaseBuilder& b, const LayerCase& given, bool through_u8,
                                std::vector<graph::ValueId> sources, graph::ValueId weight) {
  int64_t begin = 0;
  const std::vector<float> scales = given.layer.channel_scales(given.weight[1]);
  for (graph::ValueId& source : sources) {
    const int64_t channels = b.result().graph.value(source).shape[-1];
    if (through_u8) {
      const auto format = std::make_shared<const graph::U8Format>(graph::U8Format{
          {scales.begin() + begin, scales.begin() + begin + channels}, given.layer.zero_point});
      source = b.op(graph::OpKind::convert, graph::ConvertAttrs{DType::u8, format}, {source});
      source = b.op(graph::OpKind::convert, graph::ConvertAttrs{DType::f32, format}, {source});
    }
    begin += channels;
  }
  if (given.op == graph::OpKind::linear) {
    return b.op(given.op, graph::LinearAttrs{}, {sources[0], weight});
  }
  std::vector<graph::ValueId> inputs = {sources[0], weight, graph::kNoValue, graph::kNoValue};
  if (sources.size() > 1) inputs.push_back(sources[1]);
  return b.op(given.op, graph::Conv2dAttrs{1, 1, 1, 1, 1}, inputs);
}

inline ExportCase layer_case(const LayerCase& given) {
  CaseBuilder coded(given.name), plain(given.name);
  std::vector<std::string> names;
  Shape part = given.weight;
  part.set(0, given.weight[0] / given.parts);
  for (int p = 0; p < given.parts; ++p) {
    const std::string& name = names.emplace_back("layer" + std::to_string(p) + ".weight");
    const uint32_t seed = 100 + 10 * static_cast<uint32_t>(p);
    CodedWeights& weights = coded.result().weights;
    if (given.has_floats) {
      weights.set(name, noise(part, seed, 0.5f));
      plain.result().weights.set(name, rounded(noise(part, seed, 0.5f), given.layer.input_scale));
    } else {
      set_random_codes(weights, name, part, given, seed);
      plain.result().weights.set(name, dequantized(*weights.quantized(name)));
    }
  }
  const auto build = [&](CaseBuilder& b, bool through_u8) {
    std::vector<graph::ValueId> sources = {b.input(given.x)};
    if (given.second != 0) {
      Shape second = given.x;
      second.set(-1, given.second);
      sources.push_back(b.input(second));
    }
    const graph::ValueId weight =
        b.result().graph.add(graph::OpKind::weight, graph::WeightAttrs{names}, {},
                             {.name = "layer.weight", .shape = given.weight});
    return add_layer(b, given, through_u8, std::move(sources), weight);
  };
  const graph::ValueId reference = build(plain, given.layer.scheme == graph::Scheme::w8a8);
  const std::string output = plain.result().graph.value(reference).name;
  ExportCase expected = plain.finish(reference);
  const graph::ValueId y = build(coded, false);
  coded.result().graph.value(y).name = output;
  coded.result().graph.add_output(y);
  ExportCase result = std::move(coded.result());
  result.outputs = std::move(expected.outputs);
  result.quantization.layers["layer0"] = given.layer;
  result.is_quantized = true;
  return result;
}

inline void add_quantized_cases(std::vector<ExportCase>& cases) {
  using graph::OpKind;
  using graph::Scheme;
  const Shape picture{2, 5, 4, 6}, tokens{2, 3, 16}, kernel{8, 6, 3, 3}, matrix{8, 16};
  const std::vector<float> by_channel = random_numbers(6, 1, 0.005f, 0.01f);
  const std::vector<float> by_column = random_numbers(16, 2, 0.005f, 0.01f);
  const std::vector<float> factors = random_numbers(16, 3, 0.5f, 2.0f);
  const auto fixed = [](std::vector<float> scales) {
    return graph::LayerQuantization{
        .scheme = Scheme::w8a8, .input_scale = std::move(scales), .zero_point = 121};
  };
  std::vector<LayerCase> layers = {
      {"w8a8_conv", OpKind::conv2d, picture, kernel, fixed({0.008f})},
      {"w8a8_conv_by_channel", OpKind::conv2d, picture, kernel, fixed(by_channel)},
      {"w8a8_conv_of_floats", OpKind::conv2d, picture, kernel, fixed(by_channel), WeightCode::s8, 1,
       true},
      {"w8a8_tokens", OpKind::linear, tokens, matrix, fixed({0.008f})},
      {"w8a8_tokens_by_channel", OpKind::linear, tokens, matrix, fixed(by_column)},
      {"w8a8_stacked", OpKind::linear, tokens, matrix, fixed({0.008f}), WeightCode::s8, 2},
      {"w8a8_vectors", OpKind::linear, {3, 16}, matrix, fixed({0.008f})},
      {"w8a8_pixels", OpKind::linear, {2, 3, 4, 16}, matrix, fixed(by_column)},
      {"w8a8_two_sources",
       OpKind::conv2d,
       {2, 5, 4, 4},
       kernel,
       fixed(by_channel),
       WeightCode::s8,
       1,
       false,
       2}};
  const auto of_scheme = [](Scheme scheme, std::vector<float> scales, int hadamard = 0) {
    return graph::LayerQuantization{
        .scheme = scheme, .input_scale = std::move(scales), .hadamard = hadamard};
  };
  layers.push_back(
      {"dynamic", OpKind::linear, tokens, matrix, of_scheme(Scheme::w8a8_dynamic, {})});
  layers.push_back({"dynamic_factors", OpKind::linear, tokens, matrix,
                    of_scheme(Scheme::w8a8_dynamic, factors)});
  layers.push_back({"dynamic_rotated", OpKind::linear, tokens, matrix,
                    of_scheme(Scheme::w8a8_dynamic, factors, 8)});
  layers.push_back(
      {"winograd", OpKind::conv2d, picture, kernel, of_scheme(Scheme::w8a8_winograd, {})});
  layers.push_back({"w8a16", OpKind::conv2d, picture, kernel, of_scheme(Scheme::w8a16, {})});
  layers.push_back(
      {"w4a16", OpKind::linear, tokens, matrix, of_scheme(Scheme::w4a16, {}), WeightCode::s4});
  for (const WeightCode code : {WeightCode::palette4, WeightCode::palette5, WeightCode::palette6}) {
    const Scheme scheme = *graph::parse_scheme(to_string(code));
    layers.push_back({std::string(to_string(code)), OpKind::linear, tokens, matrix,
                      of_scheme(scheme, {}), code});
  }
  for (const LayerCase& layer : layers) {
    cases.push_back(layer_case(layer));
    cases.back().name = "layer_" + layer.name;
  }
}

}  // namespace edgefusion::onnx
