#pragma once

#include <atomic>
#include <functional>

#include "core/log.h"
#include "train/train_config.h"

namespace edgefusion::train {

/// One line of metrics.jsonl.
struct TrainMetrics {
  int64_t step = 0;  ///< steps that are done
  double loss = 0;   ///< mean since the last line
  double gradient_norm = 0;
  double learning_rate = 0;
  double samples_per_second = 0;
};

struct TrainCallbacks {
  LogSink log;
  std::function<void(int64_t pictures)> encoding;         ///< while latents are made
  std::function<void(const TrainMetrics& metrics)> step;  ///< every log_every steps
  const std::atomic<bool>* cancel = nullptr;              ///< looked at between steps
};

/// How many threads libtorch computes on.
void use_threads(int threads);

/// What a run would be, before anything is trained.
struct TrainPlan {
  int64_t parameters = 0;
  int64_t macs_per_sample = 0;  ///< of one forward pass
  int64_t weight_bytes = 0;     ///< weights, gradients, averages and the optimiser's state
  int64_t latent_height = 0, latent_width = 0;
};
Result<TrainPlan> plan_training(const TrainConfig& config);

/// Trains a U-Net as the config's task says (objective.h). Writes `out`/metrics.jsonl and
/// checkpoints; a cancelled run writes one more. resume: goes on from the newest checkpoint, bit
/// for bit as if it had not stopped. Errors: those of the config's files; a loss that is no number
/// three times in a row; cancelled.
Status train_unet(const TrainConfig& config, bool resume, const TrainCallbacks& callbacks);

}  // namespace edgefusion::train
