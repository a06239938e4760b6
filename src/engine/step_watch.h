#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/trace.h"

namespace edgefusion::engine {

/// Where the times of a Program's steps go.
struct StepClock {
  double* seconds = nullptr;  ///< sums by entry of Program::steps(); null: nowhere
  Trace* trace = nullptr;     ///< spans; null: nowhere
  int32_t label = 0;          ///< of the Program, in the trace
};

/// Takes the time of its life for an entry; nothing without a clock.
class StepWatch {
 public:
  StepWatch(const StepClock* clock, size_t entry) : clock_(clock) {
    if (clock_ != nullptr) begin(entry);
  }
  ~StepWatch() {
    if (clock_ != nullptr) end();
  }
  StepWatch(const StepWatch&) = delete;
  StepWatch& operator=(const StepWatch&) = delete;

 private:
  using Clock = std::chrono::steady_clock;

  void begin(size_t entry) {
    entry_ = entry;
    if (clock_->trace != nullptr) {
      clock_->trace->begin_loops(clock_->label, static_cast<int32_t>(entry));
      begin_ns_ = clock_->trace->now();
    } else {
      start_ = Clock::now();
    }
  }
  void end() {
    if (clock_->trace != nullptr) {
      const TraceSpan span = {begin_ns_, clock_->trace->now(), clock_->label,
                              static_cast<int32_t>(entry_), SpanKind::step};
      clock_->trace->add(0, span);
      if (clock_->seconds != nullptr) clock_->seconds[entry_] += span.seconds();
    } else {
      clock_->seconds[entry_] += std::chrono::duration<double>(Clock::now() - start_).count();
    }
  }

  const StepClock* clock_;
  size_t entry_ = 0;
  int64_t begin_ns_ = 0;
  Clock::time_point start_;
};

}  // namespace edgefusion::engine
