#pragma once

#include <set>
#include <vector>

#include "graph/graph.h"
#include "npu/device.h"
#include "npu/work.h"

namespace edgefusion::npu {

VectorOp vector_op_of(Activation activation);

/// What becomes of the sums of a matrix op: on the way out of the tensor engine, and in ops of
/// their own after it (without operands yet; an add takes the residual).
struct EpilogueOps {
  graph::Epilogue kept;
  bool keeps_residual = false;
  std::vector<Op> after;
  bool splits_gate() const {
    return !after.empty() && after.front().graph_op == graph::OpKind::geglu;
  }
};

/// As much of the epilogue, in its order, as is in `fused` stays.
EpilogueOps split_epilogue(const graph::Node& node, const std::set<VectorOp>& fused);

/// Of Conv2dAttrs or LinearAttrs.
void set_epilogue(graph::Attrs& attrs, const graph::Epilogue& epilogue);

}  // namespace edgefusion::npu
