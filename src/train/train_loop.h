#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "formats/image.h"
#include "train/losses.h"
#include "train/parameters.h"
#include "train/processes.h"
#include "train/run_config.h"
#include "train/train_callbacks.h"

namespace edgefusion::train {

/// A network to be trained: what it is judged by, what it is saved as.
class Trainee {
 public:
  virtual ~Trainee() = default;
  /// Its tensors at the beginning.
  virtual Parameters first_parameters() const = 0;
  /// Those of a second network that learns to tell right from wrong, on losses of its own.
  virtual std::optional<Parameters> first_critic() const { return std::nullopt; }

  /// Of batch `number`, which has the samples at positions number * batch and on; everything random
  /// comes from the seed and a sample's position, and losses are means over the samples: so R
  /// processes are one with a batch R times as large (see run_training). Errors: those of the data.
  virtual Result<Losses> losses(int64_t number, const Networks& networks) = 0;
  /// A model's folder that is as good as any other. Errors: io.
  virtual Status write_model(const std::filesystem::path& folder,
                             const Parameters& average) const = 0;
  /// Pictures that show what the model in a checkpoint can do; nothing if it has none to show.
  virtual Result<std::optional<formats::Image>> sheet(const std::filesystem::path& checkpoint) {
    (void)checkpoint;
    return std::nullopt;
  }
};

/// What one process among several says: all of it, or only its errors.
TrainCallbacks callbacks_of(const Processes& processes, TrainCallbacks callbacks);

/// Trains for config.steps. Writes `out`/metrics.jsonl and checkpoints, and with each of these
/// `out`/loss.png and the trainee's sheet; a cancelled run writes one checkpoint more. resume: goes
/// on from the newest checkpoint, bit for bit as if it had not stopped.
///
/// Of R processes, number r takes batch (s * accumulate + a) * R + r as part a of step s: together
/// they take the samples that one process with R * batch takes, and their gradients' mean is its
/// gradient. The first writes; if one is cancelled all stop after the same step.
///
/// Errors: those of the trainee; a gradient that is no number three times in a row; cancelled; io
/// with the step if another process is lost.
Status run_training(const RunConfig& config, Trainee& trainee, bool resume, Processes& processes,
                    const TrainCallbacks& callbacks);

}  // namespace edgefusion::train
