#include "graph/passes/passes.h"

namespace edgefusion::graph {

void optimize(Graph& graph) {
  fold_constants(graph);
  remove_identities(graph);
  fuse_norm_activation(graph);
  fuse_epilogue(graph);
  fuse_upsample(graph);
  graph.eliminate_dead_nodes();
}

}  // namespace edgefusion::graph
