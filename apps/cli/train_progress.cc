#include "cli/train_progress.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/rough_time.h"

namespace edgefusion::cli {

void TrainProgress::reading(int64_t pictures) {
  if (pictures % 500 == 0) fmt::print(stderr, "{} pictures read\n", pictures);
}

void TrainProgress::encoding(int64_t texts) {
  if (texts % 6400 == 0) fmt::print(stderr, "{} captions encoded\n", texts);
}

void TrainProgress::step(const train::TrainMetrics& line) {
  const auto left = static_cast<double>((config_.steps - line.step) * config_.batch *
                                        config_.accumulate * processes_);
  const std::string time = rough_time(left / line.samples_per_second);
  if (bar_.on_terminal()) {
    const std::string note = fmt::format("loss {:.4f}  {:.1f} samples/s  {} left", line.loss,
                                         line.samples_per_second, time);
    bar_.update("step", static_cast<size_t>(line.step), static_cast<size_t>(config_.steps), note);
    if (line.step == config_.steps) fmt::print(stderr, "\n");
    return;
  }
  fmt::print(stderr,
             "step {}/{}  loss {:.4f}  gradient {:.3f}  rate {:.2e}  {:.1f} samples/s  {} left\n",
             line.step, config_.steps, line.loss, line.gradient_norm, line.learning_rate,
             line.samples_per_second, time);
}

}  // namespace edgefusion::cli
