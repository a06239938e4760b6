#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/band_run.h"
#include "engine/bands.h"
#include "engine/lowering.h"
#include "engine/memory_plan.h"
#include "engine/program.h"
#include "graph/graph.h"

namespace edgefusion::engine {

/// One node, or a chain that runs band by band.
struct Step {
  /// A node of it; an entry of Program::steps().
  struct Part {
    graph::ValueId output = graph::kNoValue;
    size_t weight_bytes = 0;  ///< of its packed weights
  };

  StepFunction function;
  std::shared_ptr<BandRun> chain;
  std::vector<Part> parts;
  size_t weights_begin = 0, weights_end = 0;  ///< its part of the weight store
  bool streams = false;                       ///< that part is in memory only while it runs

  /// `first_entry`: of its parts among all steps' parts.
  void run(const RunContext& context, const StepClock* clock, size_t first_entry) const;
};

/// Lowers every node; returns the steps.
std::vector<Step> lower_steps(const graph::Graph& graph, const std::vector<BandGroup>& groups,
                              Lowering& lowering);

/// What the parts of all steps are, in the order in which they run.
std::vector<StepInfo> describe_steps(const graph::Graph& graph, std::span<const Step> steps);

/// The arena's buffers; their lives in entries of describe_steps().
std::vector<PlannedBuffer> describe_buffers(const graph::Graph& graph, const MemoryPlan& plan,
                                            std::span<const Step> steps);

}  // namespace edgefusion::engine
