#pragma once

#include "core/result.h"
#include "core/tensor.h"
#include "engine/program.h"
#include "graph/graph.h"

namespace edgefusion::engine {

/// prepared(), of options that may not fit the graph or its weights (or nullptr: they are not
/// looked at), with the taps as outputs. Errors: a tap that names no value, those of
/// check_quantization().
Result<graph::Graph> checked_and_prepared(graph::Graph graph, const TensorSource* weights,
                                          const CompileOptions& options);

}  // namespace edgefusion::engine
