#include "graph/passes/passes.h"

namespace edgefusion::graph {

void optimize(Graph& graph, const OptimizeOptions& options) {
  graph.eliminate_dead_nodes();  // a dead user would keep a value from being fused
  fold_constants(graph);
  remove_identities(graph);
  if (options.merge_projections) merge_projections(graph);
  if (options.fuse_geglu) fuse_geglu(graph);
  fuse_norm_activation(graph);
  if (options.fuse_image_add) fuse_image_add(graph);
  fuse_epilogue(graph);
  fuse_upsample(graph);
  if (options.fuse_concat) fuse_concat(graph);
}

}  // namespace edgefusion::graph
