#pragma once

#include "core/result.h"
#include "train/processes.h"
#include "train/train_callbacks.h"
#include "train/train_config.h"

namespace edgefusion::train {

/// What a run would be, before anything is trained.
struct TrainPlan {
  int64_t parameters = 0;       ///< of the network
  int64_t trained = 0;          ///< those, or its adapters
  int64_t macs_per_sample = 0;  ///< of one forward pass
  StepCost step;
  int64_t latent_height = 0, latent_width = 0;
};
/// Takes a step on random latents. Errors: those of the config's files.
Result<TrainPlan> plan_training(const TrainConfig& config);

/// Trains a U-Net as the config's task says (objective.h), in a run as train_loop.h has it; a
/// checkpoint is a pipeline that paints. Errors: those of the config's files and of run_training.
Status train_unet(const TrainConfig& config, bool resume, Processes& processes,
                  const TrainCallbacks& callbacks);

}  // namespace edgefusion::train
