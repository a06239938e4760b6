#pragma once

#include "graph/graph.h"

namespace edgefusion::engine {

/// Takes conversions to u8 out of a graph with stored types: into the node that makes the value, if
/// it can write u8 and nobody else reads the value; away, where kernels quantise rows on the way
/// themselves.
void write_u8_at_once(graph::Graph& graph);

}  // namespace edgefusion::engine
