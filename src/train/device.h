#pragma once

#include <c10/core/Device.h>

#include "train/run_config.h"

namespace edgefusion::train {

/// Where the tensors of a run are.
inline c10::Device device_of(const RunConfig& config) { return c10::Device(config.place); }

}  // namespace edgefusion::train
