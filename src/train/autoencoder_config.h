#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/result.h"
#include "shards/sample_filter.h"
#include "train/run_config.h"

namespace edgefusion::train {

/// What `train autoencoder` reads.
struct AutoencoderConfig : RunConfig {
  /// config.json of an AutoencoderTiny.
  nlohmann::json network;
  std::filesystem::path start;  ///< folder of one to begin from, or of a half of one; empty: none

  // The data
  std::vector<std::filesystem::path> shards;
  shards::SampleFilter where;                     ///< samples of them to use; none: all
  std::vector<std::filesystem::path> val_shards;  ///< for the report at the end; may be empty
  int64_t resolution = 256;                       ///< pixels that pictures are scaled to
  int64_t crop = 128;                             ///< side of the squares cut out of them

  // The loss
  double l1_weight = 1.0;
  double gradient_weight = 1.0;          ///< of differences between neighbouring pixels
  double moments_weight = 0.01;          ///< pulls latents to mean 0 and variance 1
  std::filesystem::path latent_teacher;  ///< folder of an autoencoder whose latents are learned
  double latent_weight = 1.0;            ///< of squared errors to them; without a teacher 0
  double adversarial_weight = 0.0;
  double feature_weight = 0.0;   ///< of differences inside of the critic
  int64_t adversarial_from = 0;  ///< first step with these two

  bool has_critic() const { return adversarial_weight > 0 || feature_weight > 0; }

  /// Errors: bad_file that lists everything that is wrong.
  static Result<AutoencoderConfig> parse(const nlohmann::json& json,
                                         const std::filesystem::path& file);
};

}  // namespace edgefusion::train
