#include "engine/check_quantization.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace edgefusion::engine {
namespace {

using graph::LayerQuantization;
using graph::Node;
using graph::OpKind;
using graph::Scheme;

constexpr size_t kPositions = 16;  // of a patch of F(2x2,3x3)

bool is_float(Scheme scheme) { return scheme == Scheme::f32 || scheme == Scheme::bf16; }

std::string numbers_of(const char* what, size_t count, const std::string& expected) {
  return std::string(what) + " of " + std::to_string(count) + " numbers, expected " + expected;
}

/// Scales divide and multiply: none may be zero or negative.
std::string scale_complaint(const std::vector<float>& scales) {
  const auto wrong = std::ranges::find_if_not(
      scales, [](float scale) { return scale > 0 && std::isfinite(scale); });
  if (wrong == scales.end()) return {};
  return "scale " + std::to_string(*wrong) + ", expected a positive number";
}

std::string hadamard_complaint(const LayerQuantization& layer, int64_t channels) {
  if (layer.hadamard == 0 || layer.hadamard == 1) return {};
  const std::string found = "hadamard " + std::to_string(layer.hadamard);
  if (layer.scheme != Scheme::w8a8_dynamic) {
    // Weights would be turned, and nothing turns what they are multiplied by.
    return found + ", expected none for " + std::string(to_string(layer.scheme));
  }
  const bool fits = layer.hadamard > 0 && channels % layer.hadamard == 0 &&
                    std::has_single_bit(static_cast<uint64_t>(layer.hadamard));
  if (fits) return {};
  return found + ", expected a power of two that divides " + std::to_string(channels);
}

std::string input_scale_complaint(const LayerQuantization& layer, int64_t channels) {
  const size_t count = layer.input_scale.size();
  if (layer.scheme == Scheme::w8a8 && count == 0) return "input_scale: missing";
  const bool may_be_there = is_float(layer.scheme) || has_int8_activations(layer.scheme);
  if (!may_be_there && count > 0) {
    return numbers_of("input_scale", count, "none for " + std::string(to_string(layer.scheme)));
  }
  if (count <= 1 || count == static_cast<size_t>(channels)) return {};
  return numbers_of("input_scale", count, "1 or " + std::to_string(channels));
}

std::string position_complaint(const LayerQuantization& layer) {
  const bool is_winograd = layer.scheme == Scheme::w8a8_winograd;
  const size_t count = layer.position_scale.size();
  if (count == (is_winograd ? kPositions : 0)) return {};
  return numbers_of("position_scale", count, is_winograd ? "16" : "none");
}

/// input_scale of `channels` channels, as a tensor has it.
std::vector<float> channel_scales(const QuantizedTensor& codes) {
  const auto channels = static_cast<size_t>(codes.inputs());
  if (codes.input_scale.size() == channels) return codes.input_scale;
  return std::vector<float>(channels, codes.input_scale.empty() ? 1.0f : codes.input_scale[0]);
}

std::string node_complaint(const Node& weight, const TensorSource& weights,
                           const LayerQuantization& layer) {
  for (const std::string& tensor : weight.as<graph::WeightAttrs>().tensors) {
    const QuantizedTensor* codes = weights.quantized(tensor);
    if (codes == nullptr) continue;
    const std::string complaint = codes_complaint(layer, *codes);
    if (!complaint.empty()) return tensor + ": " + complaint;
  }
  return {};
}

}  // namespace

std::string layer_complaint(const LayerQuantization& layer, int64_t channels) {
  for (std::string complaint :
       {scale_complaint(layer.input_scale), scale_complaint(layer.position_scale),
        position_complaint(layer), input_scale_complaint(layer, channels),
        hadamard_complaint(layer, channels)}) {
    if (!complaint.empty()) return complaint;
  }
  if (layer.zero_point >= 0 && layer.zero_point <= 255) return {};
  return "zero_point " + std::to_string(layer.zero_point) + ", expected 0 to 255";
}

std::string codes_complaint(const LayerQuantization& layer, const QuantizedTensor& codes) {
  // Others become floats first, by their own scales.
  const bool is_read_as_it_is = codes.code == WeightCode::s8 && !is_float(layer.scheme);
  if (!is_read_as_it_is) return {};
  if (std::max(codes.hadamard, 1) != std::max(layer.hadamard, 1)) {
    return "codes of hadamard " + std::to_string(codes.hadamard) + ", expected " +
           std::to_string(layer.hadamard) + " as the layer has";
  }
  const std::vector<float> expected = layer.channel_scales(codes.inputs());
  const std::vector<float> found = channel_scales(codes);
  const auto differs = std::ranges::mismatch(found, expected);
  if (differs.in1 == found.end()) return {};
  return "codes of input_scale " + std::to_string(*differs.in1) + " (channel " +
         std::to_string(differs.in1 - found.begin()) + "), expected " +
         std::to_string(*differs.in2) + " as the layer has";
}

Status check_quantization(const graph::Graph& graph, const TensorSource* weights,
                          const graph::NetworkQuantization& quantization) {
  for (const Node& node : graph.nodes()) {
    if (node.op != OpKind::conv2d && node.op != OpKind::linear) continue;
    const std::string name = graph::layer_name(graph, node);
    const LayerQuantization* layer = quantization.layer(name);
    if (layer == nullptr) continue;
    const graph::ValueId weight = node.input(graph::ConvSlots::weight);
    std::string complaint = layer_complaint(*layer, graph.value(weight).shape[1]);
    const bool has_tensors =
        weights != nullptr && graph.producer(weight).op == graph::OpKind::weight;
    if (complaint.empty() && has_tensors) {
      complaint = node_complaint(graph.producer(weight), *weights, *layer);
    }
    if (complaint.empty()) continue;
    // A bundle's origin says the network already ("model.safetensors: unet/").
    const std::string file = weights == nullptr ? graph.name() : weights->origin();
    const std::string place = file + (file.ends_with('/') ? "" : ": ") + name;
    return fail(ErrorCode::invalid_argument, place + ": " + complaint);
  }
  return {};
}

}  // namespace edgefusion::engine
