#pragma once

#include <cstdint>

#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "graph/split_by_inputs.h"
#include "models/unet_config.h"

namespace edgefusion::models {

struct UNetShape {
  int64_t batch = 1;
  int64_t height = 64, width = 64;  ///< of the latents
  int64_t tokens = 77;              ///< of the text states
};

/// The U-Net of Stable Diffusion 1 and 2 and of its block-removed students (diffusers
/// UNet2DConditionModel; Rombach et al. 2022, Kim et al. 2023).
/// Inputs: sample [N,H,W,Cin], timestep [N] f32, encoder_hidden_states [N,T,D] (if the network has
/// attention), timestep_cond [N,W] (if time_cond_width is set). Output: out_sample [N,H,W,Cout].
/// Values are named after diffusers' modules. Any height and width from 1 on; odd ones are rounded
/// up on the way down and cut to the skip's size on the way up, as in diffusers.
/// weights nullptr: built from shapes alone. Errors: invalid_argument for sizes out of range; one
/// error that lists every missing, misshapen or unused tensor.
Result<graph::Graph> build_unet(const UNetConfig& config, const UNetShape& shape,
                                const TensorSource* weights);

/// Which of its inputs change while a picture is made.
graph::StepInputs unet_step_inputs();

}  // namespace edgefusion::models
