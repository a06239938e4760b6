#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "npu/device.h"
#include "npu/plan.h"
#include "npu/work.h"

namespace edgefusion::npu {

struct SearchOptions {
  size_t beam = 12;         ///< plans kept for each place in the order of ops
  OpId longest_group = 20;  ///< ops
  /// Every tiling of every group, with all its tiles; every set of tensors that stay. Graphs of a
  /// few small ops are searched so anyway.
  bool exhaustive = false;
  /// Rows of scores in a tile, whole ones, of groups with an attention; 0: chosen. Where such a
  /// tile does not fit, the scores go to DRAM.
  int64_t attention_rows = 0;
};

/// Groups, tilings and what stays on the chip, chosen for the least simulated time: over the ops in
/// order, a beam of the best plans up to each, a group after another.
/// Errors: resource_exhausted, an op that fits with no tiling: its name, the bytes its smallest
/// tile takes and the device's.
Result<Plan> search(const Device& device, const Work& work, const SearchOptions& options = {});

/// What a compiler does that takes op after op: each reads its operands from DRAM and stores its
/// result; scores of attention too. Tiles only where an op does not fit. Errors: those of search().
Result<Plan> op_by_op(const Device& device, const Work& work);

}  // namespace edgefusion::npu
