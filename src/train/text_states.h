#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <span>
#include <string>

#include "pipeline/model.h"
#include "train/parameters.h"

namespace edgefusion::train {

/// The frozen text encoder of a model: what its U-Net sees of captions.
class TextStates {
 public:
  static Result<TextStates> open(std::shared_ptr<const pipeline::Model> model, at::Device device);

  /// [N,T,D] f32, without gradient. What does not fit is cut.
  /// Errors: invalid_argument for a caption that is no UTF-8.
  Result<at::Tensor> of(std::span<const std::string> captions);

 private:
  TextStates() = default;
  Result<const graph::Graph*> graph_of(int64_t batch);

  std::shared_ptr<const pipeline::Model> model_;
  Parameters parameters_;
  std::map<int64_t, graph::Graph> graphs_;  // by batch
  at::Device device_ = at::kCPU;
};

}  // namespace edgefusion::train
