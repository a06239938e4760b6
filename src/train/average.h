#pragma once

#include "train/parameters.h"

namespace edgefusion::train {

/// Moves each tensor of `average` (frozen) to decay * average + (1 - decay) * parameter.
void update_average(Parameters& average, const Parameters& parameters, double decay);

/// The decay of step `step` (from 0): min(decay, (1 + step) / (10 + step)), so that the first
/// averages are not mostly the beginning.
double average_decay_at(double decay, int64_t step);

}  // namespace edgefusion::train
