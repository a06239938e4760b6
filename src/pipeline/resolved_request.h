#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"
#include "diffusion/scheduler.h"
#include "pipeline/model.h"
#include "pipeline/text_to_image.h"

namespace edgefusion::pipeline {

/// A request with every default filled in and everything checked that can be checked before work.
struct ResolvedRequest {
  const GenerationRequest& request;
  int steps = 0;
  double guidance_scale = 1.0;
  int width = 0, height = 0;
  std::string scheduler_name;
  std::unique_ptr<diffusion::Scheduler> scheduler;
  bool guided = false;     ///< the U-Net runs with and without the prompt
  Tensor input_ids;        ///< [prompts,T] i32: the negative prompt first if guided
  int64_t cut_tokens = 0;  ///< of the prompt
  Shape latents;           ///< [N,C,H/8,W/8]

  int64_t prompts() const { return guided ? 2 : 1; }
  int64_t unet_batch() const { return prompts() * request.batch; }
};

/// Errors: invalid_argument, naming the option, what was expected and what was found.
Result<ResolvedRequest> resolve_request(const Model& model, const GenerationRequest& request);

}  // namespace edgefusion::pipeline
