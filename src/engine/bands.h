#pragma once

#include <cstdint>
#include <vector>

#include "core/cpu_features.h"
#include "engine/line_op.h"
#include "engine/program.h"
#include "graph/graph.h"

// A chain of picture ops run band by band: a few lines of the last picture at a time, and of every
// picture before it as many as these need. A picture that only the chain uses lives in a window of
// its newest lines; no line is computed twice.

namespace edgefusion::engine {

/// A picture of the chain: made by it, or read from outside.
struct BandValue {
  graph::ValueId value = graph::kNoValue;
  int64_t height = 0;
  int64_t line_bytes = 0;
  bool made_here = false;
  bool whole = true;         ///< kept or given as a whole picture
  int64_t step_lines = 1;    ///< lines made at a time
  int64_t window_lines = 0;  ///< lines of memory, if not whole

  int64_t image_bytes() const { return height * line_bytes; }
  int64_t window_bytes() const { return window_lines * line_bytes; }
};

struct BandNode {
  graph::NodeId node = -1;
  std::vector<int> operands;  ///< indices of BandValues by slot; -1: no picture
  int result = -1;
  int64_t lines_at_once = 1;
};

/// Before a window takes new lines: lines [first_line, first_line + kept) go to its start. They lie
/// `by` lines further down.
struct BandMove {
  int value = -1;
  int64_t first_line = 0, kept = 0, by = 0;
};

struct BandCall {
  int node = -1;  ///< index in BandGroup::nodes
  Lines lines;    ///< of its result
};

/// All moves first, then the calls in order.
struct Band {
  std::vector<BandMove> moves;
  std::vector<BandCall> calls;
};

struct BandGroup {
  std::vector<BandNode> nodes;  ///< neighbours in the order of the graph
  std::vector<BandValue> values;
  std::vector<Band> bands;  ///< of one image
  int64_t batch = 1;

  graph::NodeId first_node() const { return nodes.front().node; }
  graph::NodeId last_node() const { return nodes.back().node; }
};

/// The chains of a graph that are worth it: long pictures in between, little weights. In the order
/// of the graph, without common nodes. threads: that will run them; they share the lines of a band.
std::vector<BandGroup> find_bands(const graph::Graph& graph, const BandOptions& options, IsaSet isa,
                                  int threads = 1);

/// Fills in bands and window_lines; everything else is given.
void schedule_bands(const graph::Graph& graph, BandGroup& group);

/// Whether a whole picture that the group makes may lie where one lies that only the group still
/// reads: each line is written after the last call that reads what was there.
bool may_overwrite(const graph::Graph& graph, const BandGroup& group, int written, int read);

}  // namespace edgefusion::engine
