#pragma once

#include <cstddef>
#include <cstdint>

#include "core/cpu_features.h"
#include "graph/graph.h"

namespace edgefusion::engine {

/// Lines [begin, end) of a picture [N,H,W,C].
struct Lines {
  int64_t begin = 0, end = 0;
  int64_t count() const { return end - begin; }
};

/// Whether the node can make any range of lines of a picture from lines of pictures: convolutions,
/// element-wise ops, and a group norm (whose statistics need its whole operand beforehand).
bool runs_by_lines(const graph::Graph& graph, const graph::Node& node);

/// Whether the operand in that slot is a picture that the node reads line by line.
bool is_picture_operand(const graph::Graph& graph, const graph::Node& node, size_t slot);

/// Whether the node needs that operand complete before its first line.
bool needs_whole_operand(const graph::Node& node);

/// Bytes that the node computes before its first line and keeps: the affine map of a group norm.
int64_t line_state_bytes(const graph::Graph& graph, const graph::Node& node);

/// Lines of the operand in `slot` that the node reads for those lines of its result.
Lines lines_read(const graph::Graph& graph, const graph::Node& node, size_t slot, Lines result);

/// The kernel that runs the node makes this many lines at once: ranges begin at multiples of it, so
/// that its blocks, and with them its bits, lie as in a whole picture.
int64_t lines_at_once(const graph::Graph& graph, const graph::Node& node, IsaSet isa);

}  // namespace edgefusion::engine
