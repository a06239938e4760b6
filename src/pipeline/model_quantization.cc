#include "pipeline/model_quantization.h"

#include <bit>
#include <optional>
#include <utility>

#include "core/json.h"
#include "formats/quantized_weights.h"

namespace edgefusion::pipeline {
namespace {

using graph::LayerQuantization;
using graph::NetworkQuantization;
using nlohmann::json;

constexpr size_t kPositions = 16;  // of a patch of F(2x2,3x3)
constexpr int64_t kVersion = 1;
constexpr int64_t kMostBlock = 4096;

/// Scales divide and multiply: none may be zero or negative.
Status check_scales(const std::vector<float>& scales, const std::string& place) {
  for (const float scale : scales) {
    if (scale > 0) continue;
    return fail(ErrorCode::bad_file,
                place + ": scale " + std::to_string(scale) + ", expected a positive number");
  }
  return {};
}

/// Channels a layer reads: the second axis of its weights; nothing if the network has no such.
std::optional<int64_t> channels_of(const TensorSource& weights, const std::string& name) {
  const ConstTensorView* weight = weights.find(name + ".weight");
  if (weight == nullptr) weight = weights.find(name);
  if (weight == nullptr || weight->shape.rank() < 2) return std::nullopt;
  return weight->shape[1];
}

/// The engine takes numbers that do not fit a layer for a bug of its caller.
Status check_fit(const LayerQuantization& layer, std::optional<int64_t> channels,
                 const std::string& place) {
  if (!channels) {
    return fail(ErrorCode::bad_file, place + ": the network has no layer of that name");
  }
  const size_t scales = layer.input_scale.size();
  if (scales > 1 && scales != static_cast<size_t>(*channels)) {
    return fail(ErrorCode::bad_file, place + ": input_scale of " + std::to_string(scales) +
                                         " numbers, expected 1 or " + std::to_string(*channels));
  }
  const auto block = static_cast<uint64_t>(layer.hadamard);
  if (block > 1 && layer.scheme != graph::Scheme::w8a8_dynamic) {
    // Weights would be turned, and nothing turns what they are multiplied by.
    return fail(ErrorCode::bad_file, place + ": hadamard " + std::to_string(block) +
                                         ", expected none for " +
                                         std::string(to_string(layer.scheme)));
  }
  if (block <= 1 || (std::has_single_bit(block) && *channels % layer.hadamard == 0)) return {};
  return fail(ErrorCode::bad_file, place + ": hadamard " + std::to_string(block) +
                                       ", expected a power of two that divides " +
                                       std::to_string(*channels));
}

Result<LayerQuantization> read_layer(const formats::Bundle& bundle, const std::string& role,
                                     const std::string& name, const json& value) {
  const std::string place = bundle.origin() + ": " + role + "/" + printable(name);
  ConfigReader reader(value, place);
  LayerQuantization layer;
  auto scheme = graph::parse_scheme(reader.string("scheme"));
  layer.zero_point = static_cast<int>(reader.integer("zero_point", 128, {0, 255}));
  layer.hadamard = static_cast<int>(reader.integer("hadamard", 0, {0, kMostBlock}));
  EF_TRY_STATUS(reader.status());
  if (!scheme) return fail(std::move(scheme).error().with_context(place));
  layer.scheme = *scheme;
  const std::string numbers = role + "/" + name;
  EF_TRY(layer.input_scale, formats::quantized_numbers(bundle, numbers + ".input_scale"));
  EF_TRY(layer.position_scale, formats::quantized_numbers(bundle, numbers + ".position_scale"));
  EF_TRY_STATUS(check_scales(layer.input_scale, place));
  EF_TRY_STATUS(check_scales(layer.position_scale, place));
  const bool is_winograd = layer.scheme == graph::Scheme::w8a8_winograd;
  if (is_winograd != (layer.position_scale.size() == kPositions)) {
    return fail(ErrorCode::bad_file, place + ": position_scale of " +
                                         std::to_string(layer.position_scale.size()) +
                                         " numbers, expected " + (is_winograd ? "16" : "none"));
  }
  if (layer.scheme == graph::Scheme::w8a8 && layer.input_scale.empty()) {
    return fail(ErrorCode::bad_file, place + ": input_scale: missing");
  }
  return layer;
}

Result<NetworkQuantization> read_network(const formats::ModelFolder& folder,
                                         const std::string& role, const json& value) {
  const formats::Bundle& bundle = *folder.bundle;
  const formats::NetworkFiles* files = folder.network(role);
  if (files == nullptr) {
    return fail(ErrorCode::bad_file,
                bundle.origin() + ": quantization: " + printable(role) + ": no such network");
  }
  ConfigReader reader(value, bundle.origin() + ": quantization: " + role);
  NetworkQuantization network;
  const json layers = reader.raw("layers"), attentions = reader.raw("attentions");
  if (!layers.is_null() && !layers.is_object()) {
    reader.complain("layers", "an object", describe(layers));
  }
  if (!attentions.is_null() && !attentions.is_object()) {
    reader.complain("attentions", "an object", describe(attentions));
  }
  EF_TRY_STATUS(reader.status());
  for (const auto& [name, layer] : layers.items()) {
    EF_TRY(LayerQuantization read, read_layer(bundle, role, name, layer));
    const std::string place = bundle.origin() + ": " + role + "/" + printable(name);
    EF_TRY_STATUS(check_fit(read, channels_of(*files->weights, name), place));
    network.layers.emplace(name, std::move(read));
  }
  for (const auto& [name, scheme] : attentions.items()) {
    const std::string place = reader.origin() + ": attentions: " + printable(name);
    if (!scheme.is_string()) {
      return fail(ErrorCode::bad_file, place + ": expected a string, found " + describe(scheme));
    }
    auto parsed = graph::parse_attention_scheme(scheme.get<std::string>());
    if (!parsed) return fail(std::move(parsed).error().with_context(place));
    network.attentions[name] = *parsed;
  }
  return network;
}

}  // namespace

bool is_quantized(const formats::ModelFolder& folder) {
  return folder.bundle != nullptr && folder.edgefusion.is_object() &&
         folder.edgefusion.contains("quantization");
}

Result<ModelQuantization> read_quantization(const formats::ModelFolder& folder) {
  ModelQuantization result;
  if (!is_quantized(folder)) return result;
  ConfigReader reader(folder.edgefusion.at("quantization"),
                      folder.bundle->origin() + ": quantization");
  const int64_t version = reader.integer("version", kVersion, {0, 1 << 20});
  const json networks = reader.raw("networks");
  if (!networks.is_object()) reader.complain("networks", "an object", describe(networks));
  EF_TRY_STATUS(reader.status());
  if (version != kVersion) {
    return fail(ErrorCode::unsupported, reader.origin() + ": version: expected " +
                                            std::to_string(kVersion) + ", found " +
                                            std::to_string(version));
  }
  for (const auto& [role, value] : networks.items()) {
    EF_TRY(result[role], read_network(folder, role, value));
  }
  return result;
}

json to_json(const NetworkQuantization& quantization) {
  json result = {{"layers", json::object()}, {"attentions", json::object()}};
  for (const auto& [name, layer] : quantization.layers) {
    json& entry = result["layers"][name];
    entry["scheme"] = graph::to_string(layer.scheme);
    if (layer.scheme == graph::Scheme::w8a8) entry["zero_point"] = layer.zero_point;
    if (layer.hadamard > 1) entry["hadamard"] = layer.hadamard;
  }
  for (const auto& [name, scheme] : quantization.attentions) {
    result["attentions"][name] = graph::to_string(scheme);
  }
  return result;
}

Result<engine::Precision> choose_precision(std::string_view name,
                                           const formats::ModelFolder& folder, IsaSet isa) {
  if (name == "auto" && is_quantized(folder)) return engine::Precision::int8;
  EF_TRY(const engine::Precision precision, engine::parse_precision(name, isa));
  if (precision != engine::Precision::int8 || is_quantized(folder)) return precision;
  return fail(ErrorCode::invalid_argument,
              "precision 'int8': " + folder.path.string() +
                  " is not quantised (edgefusion quantize makes a bundle that is)");
}

}  // namespace edgefusion::pipeline
