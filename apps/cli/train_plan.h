#pragma once

#include "train/train_autoencoder.h"
#include "train/train_image_text.h"
#include "train/train_text.h"
#include "train/train_unet.h"

namespace edgefusion::cli {

// What a training would be, on stdout: size, cost, memory, and the time of a step as measured here.
// Errors: those of the config's files.

Status print_plan(const train::TrainConfig& config);
Status print_plan(const train::TextConfig& config);
Status print_plan(const train::AutoencoderConfig& config);
Status print_plan(const train::ImageTextConfig& config);

}  // namespace edgefusion::cli
