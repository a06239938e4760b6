#include "quant/candidate.h"

#include <utility>

namespace edgefusion::quant {

Assignment all_bf16(const LayerList& list) {
  return {std::vector(list.layers.size(), graph::Scheme::bf16),
          std::vector(list.attentions.size(), graph::AttentionScheme::bf16)};
}

const QuantizedLayer& SchemeBook::layer(size_t index, graph::Scheme scheme) {
  const auto refined = refined_.find(index);
  const auto [found, is_new] = layers_.try_emplace({index, scheme, refined != refined_.end()});
  if (is_new) {
    const Layer& layer = list_.layers[index];
    const Calibration* products = refined == refined_.end() ? nullptr : refined->second;
    found->second = quantize_layer(layer, scheme, *model_->network(layer.network.c_str()).weights,
                                   {*calibration_, products}, methods_);
  }
  return found->second;
}

void SchemeBook::refine(size_t index, const Calibration& calibration) {
  refined_[index] = &calibration;
  const Calibration*& last = last_refined_by_[index];
  if (last == &calibration) return;
  last = &calibration;
  std::erase_if(layers_, [&](const auto& entry) {
    return entry.first.index == index && entry.first.refined;
  });
}

void SchemeBook::forget_refinement(size_t index) { refined_.erase(index); }

Candidate::Candidate(SchemeBook& book, const Assignment& assignment) : model_(book.shared_model()) {
  for (size_t i = 0; i < assignment.layers.size(); ++i) {
    if (assignment.layers[i] != graph::Scheme::bf16) add_layer(book, i, assignment.layers[i]);
  }
  for (size_t i = 0; i < assignment.attentions.size(); ++i) {
    const AttentionLayer& attention = book.list().attentions[i];
    if (assignment.attentions[i] == graph::AttentionScheme::bf16) continue;
    quantization_[attention.network].attentions[attention.name] = assignment.attentions[i];
  }
  for (const auto& [role, overlay] : overlays_) model_ = model_->with_weights(role, overlay);
}

void Candidate::add_layer(SchemeBook& book, size_t index, graph::Scheme scheme) {
  const Layer& layer = book.list().layers[index];
  const QuantizedLayer& quantized = book.layer(index, scheme);
  quantization_[layer.network].layers[layer.name] = quantized.settings;
  auto& overlay = overlays_[layer.network];
  if (overlay == nullptr) {
    overlay =
        std::make_shared<QuantizedOverlay>(book.model().network(layer.network.c_str()).weights);
  }
  for (const auto& [name, weights] : quantized.weights) {
    overlay->set(name, weights, quantized.settings.input_scale);
  }
  for (const auto& [name, bias] : quantized.biases) overlay->replace(name, bias);
}

Variant Candidate::variant() const {
  return {.model = model_, .precision = engine::Precision::int8, .quantization = &quantization_};
}

}  // namespace edgefusion::quant
