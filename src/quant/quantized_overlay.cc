#include "quant/quantized_overlay.h"

#include <utility>

namespace edgefusion::quant {

void QuantizedOverlay::set(const std::string& name, const formats::QuantizedWeights& weights,
                           std::vector<float> input_scale) {
  quantized_[name] = {weights.view(std::move(input_scale)), {nullptr, weights.shape, DType::f32}};
}

void QuantizedOverlay::replace(const std::string& name, const Tensor& floats) {
  replaced_[name] = floats.view();
}

const ConstTensorView* QuantizedOverlay::find(std::string_view name) const {
  if (const auto found = quantized_.find(name); found != quantized_.end()) {
    return &found->second.view;
  }
  const auto found = replaced_.find(name);
  return found == replaced_.end() ? floats_->find(name) : &found->second;
}

const QuantizedTensor* QuantizedOverlay::quantized(std::string_view name) const {
  const auto found = quantized_.find(name);
  return found == quantized_.end() ? nullptr : &found->second.tensor;
}

}  // namespace edgefusion::quant
