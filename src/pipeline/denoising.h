#pragma once

#include <span>

#include "core/result.h"
#include "core/runtime.h"
#include "core/tensor.h"
#include "engine/program.h"
#include "pipeline/model.h"
#include "pipeline/network_runner.h"
#include "pipeline/resolved_request.h"

namespace edgefusion::pipeline {

/// The U-Net as the sampler wants it: a batch of scaled latents in, what the scheduler calls the
/// model output out, guidance done.
class Denoising {
 public:
  /// text_states [prompts,T,D]: the negative prompt's first if guided.
  Denoising(const Model& model, const ResolvedRequest& resolved, engine::Program unet,
            const Tensor& text_states);

  /// model_input and model_output: [N,C,H,W] in NCHW order.
  Status run(std::span<const float> model_input, float timestep, ThreadPool& pool,
             std::span<float> model_output);

 private:
  const ResolvedRequest& resolved_;
  engine::Program unet_;
  NamedTensors inputs_;
};

/// The first value that is no number ends a run here, with a word why, not in a black picture.
Status check_finite(std::span<const float> values, const std::string& what);

}  // namespace edgefusion::pipeline
