#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "core/runtime.h"
#include "engine/program.h"
#include "formats/diffusers_folder.h"
#include "models/registry.h"
#include "pipeline/network_runner.h"

namespace edgefusion::pipeline {

struct ExecRequest {
  models::NetworkRole role = models::NetworkRole::unet;
  engine::Precision precision = engine::Precision::f32;
  std::vector<std::string> taps;  ///< inner values to give out too, under these names
  std::string inputs_origin;  ///< file of the inputs, named where they are at fault; may be empty
};

/// Runs one network of a model on tensors named and laid out as in diffusers (pictures NCHW). Sizes
/// and batch come from the inputs:
///   text_encoder  input_ids [N,T]                                       -> last_hidden_state
///   unet          sample [N,C,H,W], timestep [] [1] or [N], encoder_hidden_states [N,T,D] (not
///                 looked at by a network without attention),
///                 timestep_cond [N,W] if the network has it             -> out_sample
///   vae_decoder   latent [N,C,h,w]                                      -> image
///   vae_encoder   image [N,3,H,W]                                       -> latent
///   image_encoder image [N,3,S,S], S its own size                       -> features, image_embeds
/// Floats of any type are taken, integers of any type for ids and timesteps.
/// Errors: an absent, unknown or misshapen input; those of build_network and compile.
Result<NamedTensors> exec_network(const formats::ModelFolder& folder, const ExecRequest& request,
                                  const NamedTensors& inputs, const Runtime& runtime);

/// The role a network has inside a folder: decoder and encoder are both "vae".
const char* folder_role(models::NetworkRole role);

}  // namespace edgefusion::pipeline
