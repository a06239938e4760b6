#pragma once

#include <c10/core/Allocator.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "train/losses.h"
#include "train/run_config.h"

namespace edgefusion::train {

/// Most bytes of tensors at one time, of those that are made on this thread while it is in force
/// (as what c10::DebugInfoGuard sets for PROFILER_STATE).
class PeakMemory : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    now_ += bytes;
    peak_ = std::max(peak_, now_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t bytes() const { return peak_; }

 private:
  int64_t now_ = 0, peak_ = 0;
};

/// What is trained, and on what.
struct SampleStep {
  Parameters parameters;
  std::optional<Parameters> critic;
  std::function<Losses(const Networks& networks)> losses;  ///< of a batch
};

/// Takes two steps and times the second: all its batches forwards and backwards, and the
/// optimiser. Gives what the plan of a task says of it.
StepCost measured_step(const RunConfig& config, const SampleStep& sample);

}  // namespace edgefusion::train
