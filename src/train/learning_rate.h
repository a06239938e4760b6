#pragma once

#include "train/run_config.h"

namespace edgefusion::train {

/// The rate of step `step` (from 0): rising evenly over the warm-up, then constant, or half a
/// cosine down to zero behind the last step.
double learning_rate_at(const RunConfig& config, int64_t step);

}  // namespace edgefusion::train
