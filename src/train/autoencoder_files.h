#pragma once

#include <filesystem>

#include "formats/diffusers_folder.h"

namespace edgefusion::train {

/// An autoencoder in a folder of its own, or that of the pipeline there. Errors: those of opening
/// the folder; unsupported if it has none.
Result<formats::NetworkFiles> open_autoencoder(const std::filesystem::path& folder);

/// What its latents are multiplied with for a U-Net. Errors: bad_file.
Result<double> latent_scale(const formats::NetworkFiles& autoencoder);

}  // namespace edgefusion::train
