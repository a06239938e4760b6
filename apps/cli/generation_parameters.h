#pragma once

#include <string>

#include "pipeline/text_to_image.h"

namespace edgefusion::cli {

/// The "parameters" text of a picture, as the A1111 web UI writes it, so that other programs show
/// and reuse the settings. `image` counts from 0 within the batch.
std::string generation_parameters(const pipeline::GenerationRequest& request,
                                  const pipeline::GenerationResult& result,
                                  const std::string& model_name, int image);

}  // namespace edgefusion::cli
