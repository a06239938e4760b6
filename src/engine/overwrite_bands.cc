#include <algorithm>

#include "engine/bands.h"

namespace edgefusion::engine {
namespace {

/// The first byte of picture `value` that a call reads; the end of the picture if it reads none.
int64_t first_byte_read(const graph::Graph& graph, const BandGroup& group, const BandCall& call,
                        int value) {
  const BandNode& node = group.nodes[static_cast<size_t>(call.node)];
  const BandValue& picture = group.values[static_cast<size_t>(value)];
  int64_t first = picture.height;
  for (size_t slot = 0; slot < node.operands.size(); ++slot) {
    if (node.operands[slot] != value) continue;
    first = std::min(first, lines_read(graph, graph.node(node.node), slot, call.lines).begin);
  }
  return first * picture.line_bytes;
}

}  // namespace

bool may_overwrite(const graph::Graph& graph, const BandGroup& group, int written, int read) {
  const BandValue& result = group.values[static_cast<size_t>(written)];
  int64_t still_read = group.values[static_cast<size_t>(read)].image_bytes();
  if (still_read != result.image_bytes()) return false;
  // Backwards: what is read later must lie behind what is written now.
  for (auto band = group.bands.rbegin(); band != group.bands.rend(); ++band) {
    for (auto call = band->calls.rbegin(); call != band->calls.rend(); ++call) {
      still_read = std::min(still_read, first_byte_read(graph, group, *call, read));
      const bool writes = group.nodes[static_cast<size_t>(call->node)].result == written;
      if (writes && call->lines.end * result.line_bytes > still_read) return false;
    }
  }
  return true;
}

}  // namespace edgefusion::engine
