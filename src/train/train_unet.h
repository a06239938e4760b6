#pragma once

#include "core/result.h"
#include "train/processes.h"
#include "train/train_callbacks.h"
#include "train/train_config.h"

namespace edgefusion::train {

/// What a run would be, before anything is trained.
struct TrainPlan {
  int64_t parameters = 0;
  int64_t macs_per_sample = 0;  ///< of one forward pass
  int64_t weight_bytes = 0;     ///< weights, gradients, averages and the optimiser's state
  int64_t latent_height = 0, latent_width = 0;
};
Result<TrainPlan> plan_training(const TrainConfig& config);

/// Trains a U-Net as the config's task says (objective.h), in a run as train_loop.h has it; a
/// checkpoint is a pipeline that paints. Errors: those of the config's files and of run_training.
Status train_unet(const TrainConfig& config, bool resume, Processes& processes,
                  const TrainCallbacks& callbacks);

}  // namespace edgefusion::train
