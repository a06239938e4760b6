#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/quantized_tensor.h"
#include "core/tensor.h"
#include "formats/quantized_bundle.h"

namespace edgefusion::quant {

/// A network's weights with some of them quantised, or replaced by other floats, as they would be
/// in a bundle. What it is given must outlive it.
class QuantizedOverlay : public TensorSource {
 public:
  explicit QuantizedOverlay(std::shared_ptr<const TensorSource> floats)
      : floats_(std::move(floats)) {}

  /// input_scale: of the layer the weights belong to; empty: none is multiplied in.
  void set(const std::string& name, const formats::QuantizedWeights& weights,
           std::vector<float> input_scale);
  void replace(const std::string& name, const Tensor& floats);

  const ConstTensorView* find(std::string_view name) const override;
  const QuantizedTensor* quantized(std::string_view name) const override;
  std::vector<std::string> names() const override { return floats_->names(); }
  std::string origin() const override { return floats_->origin(); }

 private:
  struct Entry {
    QuantizedTensor tensor;
    ConstTensorView view;
  };
  std::shared_ptr<const TensorSource> floats_;
  std::map<std::string, Entry, std::less<>> quantized_;
  std::map<std::string, ConstTensorView, std::less<>> replaced_;
};

}  // namespace edgefusion::quant
