#include "cli/quantization_summary.h"

#include <fmt/format.h>

#include <set>

#include "core/json.h"
#include "core/quantized_tensor.h"
#include "engine/program.h"
#include "formats/quantized_weights.h"
#include "quant/layer_list.h"

namespace edgefusion::cli {
namespace {

using formats::Bundle;
using formats::kBundleQuantized;

int64_t bytes_of(const ConstTensorView* tensor) {
  return tensor == nullptr ? 0 : static_cast<int64_t>(tensor->bytes());
}

/// Numbers beside the codes of a tensor or beside a layer.
int64_t bytes_beside(const Bundle& bundle, const std::string& place,
                     std::initializer_list<const char*> kinds) {
  int64_t bytes = 0;
  for (const char* kind : kinds) {
    bytes += bytes_of(bundle.tensor(std::string(kBundleQuantized) + place + kind));
  }
  return bytes;
}

std::set<std::string> tensors_of(const graph::Graph& graph) {
  std::set<std::string> names;
  for (const graph::Node& node : graph.nodes()) {
    if (node.op != graph::OpKind::weight) continue;
    const auto& tensors = node.as<graph::WeightAttrs>().tensors;
    names.insert(tensors.begin(), tensors.end());
  }
  return names;
}

quant::LayerList layers_of(const graph::Graph& graph) {
  quant::LayerList list;
  quant::append_layers(engine::prepared(graph, {.precision = engine::Precision::bf16}), "", list);
  return list;
}

}  // namespace

SchemeCounts count_schemes(const graph::Graph& graph,
                           const graph::NetworkQuantization& quantization) {
  SchemeCounts counts;
  const quant::LayerList list = layers_of(graph);
  for (const quant::Layer& layer : list.layers) {
    const graph::LayerQuantization* found = quantization.layer(layer.name);
    const auto scheme = found == nullptr ? graph::Scheme::bf16 : found->scheme;
    ++counts.layers[std::string(to_string(scheme))];
  }
  for (const quant::AttentionLayer& attention : list.attentions) {
    ++counts.attentions[std::string(to_string(quantization.attention(attention.name)))];
  }
  return counts;
}

int64_t stored_weight_bytes(const graph::Graph& graph, const formats::ModelFolder& folder,
                            std::string_view role) {
  const TensorSource& weights = *folder.network(role)->weights;
  const std::string prefix = std::string(role) + "/";
  int64_t bytes = 0;
  for (const std::string& name : tensors_of(graph)) {
    const QuantizedTensor* codes = weights.quantized(name);
    if (codes == nullptr) {
      bytes += bytes_of(weights.find(name));
      continue;
    }
    bytes += static_cast<int64_t>(codes->code_bytes);
    bytes += bytes_beside(*folder.bundle, prefix + name, {".scale", ".palette"});
  }
  if (folder.bundle == nullptr) return bytes;
  for (const quant::Layer& layer : layers_of(graph).layers) {
    bytes += bytes_beside(*folder.bundle, prefix + layer.name, {".input_scale", ".position_scale"});
  }
  return bytes;
}

Result<QuantizationOrigin> read_quantization_origin(const formats::ModelFolder& folder) {
  ConfigReader reader(folder.edgefusion.at("quantization"),
                      folder.bundle->origin() + ": quantization");
  QuantizationOrigin origin;
  ConfigReader scores = reader.object("scores");
  if (scores.has("psnr_db")) origin.psnr_db = scores.number("psnr_db");
  if (scores.has("ssim")) origin.ssim = scores.number("ssim");
  ConfigReader calibration = reader.object("calibration");
  origin.calibration_prompts = calibration.optional_integer("prompts");
  origin.seed = calibration.optional_integer("seed");
  origin.calibration_hash = calibration.string("hash", "");
  origin.calibration_source = calibration.string("source", "");
  origin.recipe = reader.raw("recipe");
  EF_TRY_STATUS(reader.status());
  return origin;
}

std::string to_text(const QuantizationOrigin& origin) {
  std::string scores, calibration, details;
  const auto add = [](std::string& text, const char* between, const std::string& part) {
    text += (text.empty() ? "" : between) + part;
  };
  if (origin.psnr_db) add(scores, " and ", fmt::format("{:.1f} dB PSNR", *origin.psnr_db));
  if (origin.ssim) add(scores, " and ", fmt::format("{:.4f} SSIM", *origin.ssim));
  if (scores.empty()) scores = "scores not told";
  if (!origin.calibration_source.empty()) {
    add(details, ", ", printable(origin.calibration_source));
  }
  if (!origin.calibration_hash.empty()) {
    add(details, ", ", "hash " + printable(origin.calibration_hash));
  }
  if (origin.seed) add(details, ", ", fmt::format("seed {}", *origin.seed));
  calibration = origin.calibration_prompts
                    ? fmt::format("calibrated by {} prompts", *origin.calibration_prompts)
                    : "calibration not told";
  if (!details.empty()) calibration += " (" + details + ")";
  return scores + (origin.psnr_db || origin.ssim ? " against f32; " : "; ") + calibration;
}

nlohmann::json to_json(const QuantizationOrigin& origin) {
  const auto number = [](const auto& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  };
  return {{"scores", {{"psnr_db", number(origin.psnr_db)}, {"ssim", number(origin.ssim)}}},
          {"calibration",
           {{"prompts", number(origin.calibration_prompts)},
            {"hash", origin.calibration_hash},
            {"source", origin.calibration_source},
            {"seed", number(origin.seed)}}},
          {"recipe", origin.recipe}};
}

std::string to_text(const std::map<std::string, int64_t, std::less<>>& counts) {
  std::string text;
  for (const auto& [scheme, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", scheme, count);
  }
  return text.empty() ? "none" : text;
}

}  // namespace edgefusion::cli
