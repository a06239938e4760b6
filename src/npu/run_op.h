#pragma once

#include "npu/run_memory.h"
#include "npu/schedule.h"
#include "npu/work.h"

// One compute or host command on the CPU; what execute() loops over.

namespace edgefusion::npu {

struct OpRun {
  const Work& work;
  const Op& op;
  const Command& command;
  RunMemory& memory;

  /// What a part of the result needs of an operand.
  Dense operand(size_t index, const Box& out) const;
};

/// Matrix layers, norms of one place, pointwise ops, resizes and what the host does: the graph's
/// reference formula on the box.
void run_graph_op(const OpRun& run);

/// q k^T, head by head.
void run_scores(const OpRun& run);
/// The softmax of whole rows, or (online) of a block of keys, with its state.
void run_softmax(const OpRun& run);
/// Softmax times values; blocks of keys add up in f32. Rescale and finish: times the state's
/// factor, over the state's sum.
void run_mix(const OpRun& run);

/// Mean and sum of squared deviations of each group (and, beside the mean, how many elements are
/// in), merged tile by tile as Chan, Golub and LeVeque 1983: no sum of squares is subtracted from
/// another. The variance of n elements differs from graph::evaluate()'s two passes over everything
/// by at most about n 2^-53 (1 + 2 |mean| / deviation) of itself; of a single tile it has the same
/// bits.
void run_group_stats(const OpRun& run);
void run_group_apply(const OpRun& run);

}  // namespace edgefusion::npu
