#pragma once

#include "core/runtime.h"
#include "engine/program.h"

namespace edgefusion::engine {

/// Multiply-accumulates per second of the arithmetic units behind `precision`, all threads at work,
/// measured now (best of several short runs): what shares of peak are shares of.
double measure_peak_macs_per_second(const Runtime& runtime, Precision precision);

}  // namespace edgefusion::engine
