#pragma once

#include <cstdint>

#include "cli/progress_bar.h"
#include "train/run_config.h"
#include "train/train_callbacks.h"

namespace edgefusion::cli {

/// How a training is getting on, on stderr: a bar on a terminal, plain lines otherwise, with loss,
/// rate and time left.
class TrainProgress {
 public:
  /// The config must outlive this.
  TrainProgress(const train::RunConfig& config, int64_t processes)
      : config_(config), processes_(processes) {}

  void reading(int64_t pictures);
  void encoding(int64_t texts);
  void step(const train::TrainMetrics& line);
  /// A line of the log, with the bar out of its way.
  void make_room() { bar_.clear(); }

 private:
  const train::RunConfig& config_;
  int64_t processes_;
  ProgressBar bar_;
};

}  // namespace edgefusion::cli
