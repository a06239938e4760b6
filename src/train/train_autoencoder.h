#pragma once

#include <string>

#include "train/autoencoder_config.h"
#include "train/processes.h"
#include "train/train_callbacks.h"

namespace edgefusion::train {

/// How well an autoencoder gives pictures back.
struct AutoencoderReport {
  int64_t pictures = 0;          ///< 0: none were named, the rest says nothing
  double psnr_db = 0, ssim = 0;  ///< means
  double latent_mean = 0, latent_deviation = 0;

  std::string summary() const;  ///< one line; empty if there were no pictures
};

struct AutoencoderPlan {
  int64_t parameters = 0;
  int64_t macs_per_sample = 0;  ///< of one pass through both halves
  StepCost step;
};
/// Errors: those of the config and of its files; resource_exhausted, for a step that needs more
/// memory than is free.
Result<AutoencoderPlan> plan_autoencoder(const AutoencoderConfig& config);

/// Trains an AutoencoderTiny, in a run as train_loop.h has it; a checkpoint is its folder. At the
/// end writes `out`/report.json and `out`/sheet.png (pictures of val_shards above what comes back).
/// Errors: those of the plan and of run_training.
Result<AutoencoderReport> train_autoencoder(const AutoencoderConfig& config, bool resume,
                                            Processes& processes, const TrainCallbacks& callbacks);

}  // namespace edgefusion::train
