#pragma once

#include "engine/program.h"
#include "graph/graph.h"
#include "graph/quantization.h"

namespace edgefusion::engine {

/// Decides in which type each activation is stored, and inserts conversions where a node wants
/// another type than its operand has. f32: the graph as it is. bf16: pictures and tokens are bf16
/// from the first wide matrix op on; vectors (time embeddings), ids, what comes straight from an
/// input or an embedding table, and what leads to an output with no sum of products in between stay
/// f32. Graph inputs and outputs keep their names and types.
/// int8: as bf16, and layers are as `quantization` says: they carry it as an attribute, and read u8
/// where it is static. What no kernel can do is done in bf16.
graph::Graph assign_storage(graph::Graph graph, Precision precision,
                            const graph::NetworkQuantization* quantization = nullptr);

}  // namespace edgefusion::engine
