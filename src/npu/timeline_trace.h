#pragma once

#include <string>

#include "npu/device.h"
#include "npu/schedule.h"
#include "npu/simulate.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// A simulated run as trace events (JSON), for ui.perfetto.dev or chrome://tracing: a track for
/// each engine, channel and the host, with what it does when; one for groups, which may overlap.
/// Times are microseconds of the device's clock. `timeline` is that of simulate(device, work,
/// schedule).
std::string to_trace_json(const Device& device, const Work& work, const Schedule& schedule,
                          const Timeline& timeline);

}  // namespace edgefusion::npu
