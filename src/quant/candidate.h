#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/model.h"
#include "quant/layer_list.h"
#include "quant/picture_trials.h"
#include "quant/quantized_layer.h"
#include "quant/quantized_overlay.h"

namespace edgefusion::quant {

/// A scheme for every layer and every attention of a LayerList, in its order.
struct Assignment {
  std::vector<graph::Scheme> layers;
  std::vector<graph::AttentionScheme> attentions;
};
Assignment all_bf16(const LayerList& list);

/// Layers quantised once for each scheme that is tried, and kept.
class SchemeBook {
 public:
  SchemeBook(std::shared_ptr<const pipeline::Model> model, const LayerList& list,
             const Calibration& calibration, QuantizationMethods methods)
      : model_(std::move(model)), list_(list), calibration_(&calibration), methods_(methods) {}

  /// The reference holds as long as the book.
  const QuantizedLayer& layer(size_t index, graph::Scheme scheme);
  /// From now on a layer is what another calibration, which knows products of its input, makes of
  /// it; and back. Both are kept.
  void refine(size_t index, const Calibration& calibration);
  void forget_refinement(size_t index);

  const pipeline::Model& model() const { return *model_; }
  const std::shared_ptr<const pipeline::Model>& shared_model() const { return model_; }
  const LayerList& list() const { return list_; }

 private:
  struct Key {
    size_t index;
    graph::Scheme scheme;
    bool refined;
    auto operator<=>(const Key&) const = default;
  };
  std::shared_ptr<const pipeline::Model> model_;
  const LayerList& list_;
  const Calibration* calibration_;
  std::map<size_t, const Calibration*> refined_;          ///< that are, now
  std::map<size_t, const Calibration*> last_refined_by_;  ///< what the kept ones were made from
  QuantizationMethods methods_;
  std::map<Key, QuantizedLayer> layers_;
};

/// A model with that assignment, ready to be run. Refers to the book.
class Candidate {
 public:
  Candidate(SchemeBook& book, const Assignment& assignment);

  /// Precision int8; refers to this.
  Variant variant() const;
  const pipeline::ModelQuantization& quantization() const { return quantization_; }

 private:
  void add_layer(SchemeBook& book, size_t index, graph::Scheme scheme);

  std::map<std::string, std::shared_ptr<QuantizedOverlay>> overlays_;  ///< by role
  pipeline::ModelQuantization quantization_;
  std::shared_ptr<const pipeline::Model> model_;
};

}  // namespace edgefusion::quant
