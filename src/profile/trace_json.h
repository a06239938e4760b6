#pragma once

#include <string>

#include "profile/profile.h"

namespace edgefusion::profile {

/// One request in the trace-event format of Chrome, which ui.perfetto.dev and chrome://tracing
/// open: one track for each thread, and one that counts the bytes alive in the arena.
std::string trace_json(const Recording& recording);

}  // namespace edgefusion::profile
