#include "pipeline/model_quantization.h"

#include <optional>
#include <utility>

#include "core/json.h"
#include "core/quantized_tensor.h"
#include "engine/check_quantization.h"
#include "formats/quantized_weights.h"

namespace edgefusion::pipeline {
namespace {

using graph::LayerQuantization;
using graph::NetworkQuantization;
using nlohmann::json;

constexpr int64_t kVersion = 1;
constexpr int64_t kMostBlock = 4096;

/// Channels a layer reads: the second axis of its weights; nothing if the network has no such.
std::optional<int64_t> channels_of(const TensorSource& weights, const std::string& name) {
  const ConstTensorView* weight = weights.find(name + ".weight");
  if (weight == nullptr) weight = weights.find(name);
  if (weight == nullptr || weight->shape.rank() < 2) return std::nullopt;
  return weight->shape[1];
}

Status check_fit(const LayerQuantization& layer, std::optional<int64_t> channels,
                 const std::string& place) {
  const std::string complaint = channels ? engine::layer_complaint(layer, *channels)
                                         : "the network has no layer of that name";
  if (complaint.empty()) return {};
  return fail(ErrorCode::bad_file, place + ": " + complaint);
}

/// The layer called as a tensor is.
std::string_view layer_of(std::string_view tensor) {
  constexpr std::string_view kEnd = ".weight";
  if (tensor.ends_with(kEnd)) tensor.remove_suffix(kEnd.size());
  return tensor;
}

/// Codes have the numbers of their layer in them. Those that lie below the codes of another tensor
/// and name no layer are looked at when the network is compiled: which they are, its graph says.
Status check_codes(const formats::NetworkFiles& files, const NetworkQuantization& network,
                   const json& tensors) {
  for (const auto& [name, description] : tensors.items()) {
    const QuantizedTensor* codes = files.weights->quantized(name);
    if (codes == nullptr) continue;
    const std::string named = description.value("layer", "");
    const std::string own(layer_of(name));
    const bool is_layer = network.layer(own) != nullptr;
    const std::string place = files.weights->origin() + printable(name);
    if (is_layer && !named.empty() && named != own) {
      return fail(ErrorCode::bad_file, place + ": codes of layer " + printable(named) +
                                           ", expected those of " + printable(own));
    }
    const LayerQuantization* layer = network.layer(is_layer ? own : named);
    if (layer == nullptr) continue;
    const std::string complaint = engine::codes_complaint(*layer, *codes);
    if (!complaint.empty()) return fail(ErrorCode::bad_file, place + ": " + complaint);
  }
  return {};
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
  EF_TRY_STATUS(check_codes(*files, network, reader.raw("tensors")));
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
  const int64_t version = reader.integer("version", IntRange{0, 1 << 20});
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
    const bool has_scale =
        !layer.input_scale.empty() && layer.scheme != graph::Scheme::w8a8_dynamic;
    if (has_scale) entry["zero_point"] = layer.zero_point;
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
