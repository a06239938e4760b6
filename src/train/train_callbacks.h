#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "core/log.h"

namespace edgefusion::train {

/// One line of metrics.jsonl.
struct TrainMetrics {
  int64_t step = 0;  ///< steps that are done
  double loss = 0;   ///< mean since the last line, as all but the step and the rate
  double gradient_norm = 0;
  double learning_rate = 0;
  double samples_per_second = 0;
  std::map<std::string, double> terms;  ///< parts of the loss, by name
};

struct TrainCallbacks {
  LogSink log;
  std::function<void(int64_t pictures)> reading;          ///< while pictures are prepared
  std::function<void(int64_t texts)> encoding;            ///< while texts are encoded, once
  std::function<void(const TrainMetrics& metrics)> step;  ///< every log_every steps
  const std::atomic<bool>* cancel = nullptr;              ///< looked at between steps
};

/// How many threads libtorch computes on; and the C library is told to keep memory that is given
/// back, since every step asks for the same again. To be called once, by programs.
void prepare_machine(int threads);

}  // namespace edgefusion::train
