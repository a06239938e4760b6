#include "quant/calibration.h"

#include <algorithm>

namespace edgefusion::quant {
namespace {

bool may_be_winograd(const Layer& layer) {
  return std::ranges::count(layer.schemes, graph::Scheme::w8a8_winograd) != 0;
}

}  // namespace

Calibration::Calibration(const std::vector<Layer>& layers,
                         const std::set<std::string>& products_of) {
  for (const Layer& layer : layers) {
    for (size_t i = 0; i < layer.inputs.size(); ++i) {
      Watched& watched = values_[layer.network + "/" + layer.inputs[i]];
      watched.channels = layer.input_channels[i];
      watched.products = watched.products || products_of.contains(layer.path());
      if (!may_be_winograd(layer)) continue;
      watched.winograd.push_back(layer.path());
      watched.enlarged.push_back(layer.upsample2x);
      positions_[layer.path()];
    }
  }
}

void Calibration::observe(std::string_view network, std::string_view value,
                          const ConstTensorView& tensor) {
  const auto found = values_.find(std::string(network) + "/" + std::string(value));
  if (found == values_.end() || tensor.dtype != DType::f32) return;
  Watched& watched = found->second;
  if (watched.seen == nullptr) {
    const auto kind =
        watched.products ? InputMoments::Kind::products : InputMoments::Kind::squares_only;
    watched.seen = std::make_unique<ObservedValue>(
        ObservedValue{RangeObserver(watched.channels), InputMoments(watched.channels, kind)});
  }
  const std::span<const float> values(tensor.as<float>(),
                                      static_cast<size_t>(tensor.shape.elements()));
  watched.seen->ranges.observe(values);
  const bool is_finite =
      watched.seen->ranges.nan_count() == 0 && watched.seen->ranges.infinity_count() == 0;
  if (!is_finite) return;
  watched.seen->moments.observe(values);
  for (size_t i = 0; i < watched.winograd.size(); ++i) {
    positions_.at(watched.winograd[i]).observe(tensor, watched.enlarged[i]);
  }
}

const ObservedValue* Calibration::input(const Layer& layer, size_t i) const {
  const auto found = values_.find(layer.network + "/" + layer.inputs[i]);
  return found == values_.end() ? nullptr : found->second.seen.get();
}

const PositionObserver* Calibration::positions(const Layer& layer) const {
  const auto found = positions_.find(layer.path());
  return found == positions_.end() ? nullptr : &found->second;
}

}  // namespace edgefusion::quant
