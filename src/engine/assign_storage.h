#pragma once

#include "engine/program.h"
#include "graph/graph.h"

namespace edgefusion::engine {

/// Decides in which type each activation is stored, and inserts conversions where a node wants
/// another type than its operand has. f32: the graph as it is. bf16: pictures and tokens are bf16
/// from the first wide matrix op on; vectors (time embeddings), ids, what comes straight from an
/// input or an embedding table, and what leads to an output with no sum of products in between stay
/// f32. Graph inputs and outputs keep their names and types.
graph::Graph assign_storage(graph::Graph graph, Precision precision);

}  // namespace edgefusion::engine
