#pragma once

#include <vector>

#include "npu/device.h"
#include "npu/plan.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// The fastest of several plans when they are simulated whole, with what groups gain by running
/// into each other; nothing where none can be written down. improve: the tiling of one group after
/// another is tried anew in the whole as long as that gains, for networks of a few small ops.
struct Refined {
  Plan plan;
  double cycles = 0;
  bool found = false;
};
Refined refine(const Device& device, const Work& work, const std::vector<Plan>& plans,
               bool improve);

}  // namespace edgefusion::npu
