#pragma once

#include <string_view>

#include "engine/program.h"
#include "pipeline/model.h"
#include "pipeline/text_to_image.h"

namespace edgefusion::pipeline {

/// Precision and quantisation of a network for a request; the rest is the default.
engine::CompileOptions compile_options(const Model& model, const GenerationRequest& request,
                                       std::string_view role);

}  // namespace edgefusion::pipeline
