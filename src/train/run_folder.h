#pragma once

#include "train/run_config.h"

namespace edgefusion::train {

/// A run can begin in `out`, or go on there. Errors: invalid_argument if a run is there and not to
/// be taken up; not_found if none is.
Status check_out(const RunConfig& config, bool resume);
/// The same, and makes the folder. Errors: io, too.
Status prepare_out(const RunConfig& config, bool resume);

}  // namespace edgefusion::train
