#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/bands.h"
#include "graph/graph.h"

namespace edgefusion::engine {

/// One piece of memory and the steps during which its contents matter, both ends included.
struct Lifetime {
  int64_t bytes = 0;
  int first_step = 0;
  int last_step = 0;
};

/// Offsets such that pieces alive at the same step never overlap: largest first, each at the lowest
/// place that is free over its whole life. Offsets are multiples of Arena::kAlignment.
struct Placement {
  std::vector<int64_t> offsets;
  int64_t total_bytes = 0;
};
Placement place(const std::vector<Lifetime>& pieces);

/// Which memory each value of a graph lives in.
struct MemoryPlan {
  /// Buffer of each value id; -1 for weights and constants, which live elsewhere.
  std::vector<int> buffer_of_value;
  std::vector<Lifetime> buffers;
  /// Buffer of what a node keeps beside its result while its chain runs; -1: nothing.
  std::vector<int> state_of_value;
  std::vector<int64_t> offset_of_buffer;
  int64_t arena_bytes = 0;
  /// Largest sum of live buffers over all steps: what no placement can go below.
  int64_t peak_live_bytes = 0;
};

/// Inputs are alive from the start, outputs to the end, and so are the inputs in `held`, whose
/// contents then survive a run. A reshape shares its input's memory; an element-wise node takes
/// over its first input's where nobody needs that any more. Everything that a chain run band by
/// band touches is alive while it runs; what only it uses is a window.
MemoryPlan plan_memory(const graph::Graph& graph, std::span<const graph::ValueId> held = {},
                       std::span<const BandGroup> groups = {});

/// Bytes of a value as the engine stores it.
int64_t storage_bytes(const graph::Value& value);

}  // namespace edgefusion::engine
