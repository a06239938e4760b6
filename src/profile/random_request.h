#pragma once

#include <string>

#include "core/result.h"
#include "core/runtime.h"
#include "engine/program.h"
#include "profile/profile.h"
#include "profile/profile_request.h"

namespace edgefusion::profile {

/// A public architecture with random weights; no files are needed, and no picture comes out.
struct RandomModel {
  std::string unet = "bk-sdm-tiny", decoder = "taesd";  ///< names of models::builtin_config
  int width = 512, height = 512;                        ///< pixels, multiples of 8
  int steps = 2;
  engine::Precision precision = engine::Precision::f32;
};

/// Profiles its networks as the pipeline runs them: the text encoder, the parts of the U-Net each
/// as often as its inputs change, the decoder. There is no sampler, and networks are made ready
/// once. Errors: those of building and compiling a network, cancelled, a trace that is too long.
Result<Recording> profile_random(const RandomModel& model, const Runtime& runtime,
                                 const ProfileOptions& options = {});

}  // namespace edgefusion::profile
