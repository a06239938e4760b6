#pragma once

#include <cstdint>
#include <filesystem>

#include "core/result.h"
#include "train/lora_config.h"
#include "train/parameters.h"

namespace edgefusion::train {

/// Adapters "LAYER.lora_A.weight" and "LAYER.lora_B.weight" for linear layers and convolutions of
/// `base`. They begin as nothing: B is zero. Errors: invalid_argument if no layer is meant, or a
/// target meets none.
Result<Parameters> first_adapters(const Parameters& base, const LoraConfig& config, uint64_t seed);

/// The network with adapters added to its weights; gradients flow into the adapters.
Parameters adapted(const Parameters& base, const Parameters& adapters, const LoraConfig& config);

/// Writes the file that diffusers' load_lora_weights reads (PEFT's names under "unet."), f16. B
/// holds the scale, so that readers need to know of no alpha. Errors: io.
Status save_adapters(const std::filesystem::path& path, const Parameters& adapters,
                     const LoraConfig& config);

}  // namespace edgefusion::train
