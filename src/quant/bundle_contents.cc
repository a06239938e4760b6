#include "quant/bundle_contents.h"

#include <algorithm>

#include "core/content_hash.h"
#include "formats/bundle.h"

namespace edgefusion::quant {

formats::QuantizedContents bundle_contents(SchemeBook& book, const Assignment& assignment) {
  formats::QuantizedContents contents;
  for (size_t i = 0; i < assignment.layers.size(); ++i) {
    const Layer& layer = book.list().layers[i];
    const QuantizedLayer& quantized = book.layer(i, assignment.layers[i]);
    for (const auto& [name, weights] : quantized.weights) {
      contents.tensors[layer.network][name] = weights;
    }
    for (const auto& [name, bias] : quantized.biases) {
      contents.replaced[layer.network][name] = bias;
    }
    const auto& settings = quantized.settings;
    if (!settings.input_scale.empty()) {
      contents.numbers[layer.path() + ".input_scale"] = settings.input_scale;
    }
    if (!settings.position_scale.empty()) {
      contents.numbers[layer.path() + ".position_scale"] = settings.position_scale;
    }
  }
  return contents;
}

nlohmann::json whole_recipe(const LayerList& list, const Assignment& assignment) {
  nlohmann::json layers = nlohmann::json::object(), attentions = nlohmann::json::object();
  for (size_t i = 0; i < list.layers.size(); ++i) {
    layers[list.layers[i].path()] = graph::to_string(assignment.layers[i]);
  }
  for (size_t i = 0; i < list.attentions.size(); ++i) {
    attentions[list.attentions[i].path()] = graph::to_string(assignment.attentions[i]);
  }
  return {{"layers", std::move(layers)}, {"attention", std::move(attentions)}};
}

nlohmann::json input_ranges(SchemeBook& book, const Assignment& assignment) {
  nlohmann::json ranges = nlohmann::json::object();
  for (size_t i = 0; i < assignment.layers.size(); ++i) {
    if (assignment.layers[i] != graph::Scheme::w8a8) continue;
    const auto& settings = book.layer(i, assignment.layers[i]).settings;
    const float largest = *std::ranges::max_element(settings.input_scale);
    const ActivationScale widest = {largest, settings.zero_point};
    ranges[book.list().layers[i].path()] = {widest.lowest(), widest.highest()};
  }
  return ranges;
}

std::string weights_hash(const pipeline::Model& model) {
  formats::BundleHasher hasher;
  for (const char* role : {"text_encoder", "unet", "vae"}) {
    const TensorSource& weights = *model.network(role).weights;
    for (const std::string& name : weights.names()) {
      hasher.add(std::string(role) + "/" + name, *weights.find(name));
    }
  }
  return hasher.result();
}

std::string texts_hash(std::span<const std::string> texts) {
  ContentHasher hasher;
  for (const std::string& text : texts) hasher.add_text(text);
  return hasher.result().to_hex();
}

}  // namespace edgefusion::quant
