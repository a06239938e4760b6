#pragma once

#include <span>

#include "core/result.h"
#include "core/runtime.h"
#include "core/tensor.h"
#include "pipeline/model.h"
#include "pipeline/network_runner.h"
#include "pipeline/resolved_request.h"
#include "pipeline/unet_programs.h"

namespace edgefusion::pipeline {

/// The U-Net as the sampler wants it: a batch of scaled latents in, what the scheduler calls the
/// model output out, guidance done.
class Denoising {
 public:
  /// text_states [prompts,T,D]: the negative prompt's first if guided. keeps_parts: what computes
  /// values that never change stays in memory after it has done so.
  Denoising(const Model& model, const ResolvedRequest& resolved, UNetPrograms unet,
            const Tensor& text_states, bool keeps_parts = false);

  /// Starts again with other text states, with the same U-Net. Only of one that keeps all its parts.
  void restart(const Tensor& text_states);

  /// model_input and model_output: [N,C,H,W] in NCHW order. The first run also computes what never
  /// changes.
  Status run(std::span<const float> model_input, float timestep, ThreadPool& pool,
             std::span<float> model_output);

 private:
  /// Runs the part for what never changes and hands its results over.
  Status begin(ThreadPool& pool);
  /// The latents once for each prompt, channels last.
  Tensor sample_of(std::span<const float> model_input) const;

  const Model& model_;
  const ResolvedRequest& resolved_;
  UNetPrograms unet_;
  bool keeps_parts_;
  bool begun_ = false;
  NamedTensors values_;  ///< inputs of the network, and what its parts give each other
};

/// The first value that is no number ends a run here, with a word why, not in a black picture.
Status check_finite(std::span<const float> values, const std::string& what);

}  // namespace edgefusion::pipeline
