#pragma once

#include "core/runtime.h"
#include "engine/program.h"

namespace edgefusion::engine {

/// Multiply-accumulates per second of the arithmetic units behind `precision`, all threads at work,
/// measured now (best of several short runs): what shares of peak are shares of.
double measure_peak_macs_per_second(const Runtime& runtime, Precision precision);

/// Bytes per second that all threads together read from memory, from a block far larger than the
/// caches, measured now (best of several runs): what shares of bandwidth are shares of. 0 if there
/// is no memory for such a block.
double measure_read_bytes_per_second(const Runtime& runtime);

}  // namespace edgefusion::engine
