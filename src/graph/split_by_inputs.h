#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace edgefusion::graph {

/// Inputs of a network that change from one run of a loop to the next, by name; all others stay as
/// they are for the whole loop.
struct StepInputs {
  std::vector<std::string> timestep;  ///< known from the timestep alone: "timestep"
  std::vector<std::string> step;      ///< known in the step only: "sample"
};

/// A network in three parts, each run only as often as its inputs change. Every output of a part is
/// an input of the same name of a later one; a part nothing comes from is an empty graph.
struct SplitGraph {
  Graph once;      ///< from inputs that never change
  Graph timestep;  ///< from those, outputs of `once` and the timestep's inputs
  Graph step;      ///< the rest, with all outputs of the network; has the network's name
  /// Inputs of `step` that never change: the network's own, and outputs of `once`.
  std::vector<std::string> constant_step_inputs;
};

/// Cuts the graph so that nothing is computed twice for the same inputs. Together the parts compute
/// what the graph does, node by node. A value that is an output of the graph is computed in `step`
/// whatever it depends on. Weights and constants go where they are used. Outputs of a part keep the
/// names they have in the graph ("down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k").
/// A name that is no input of the graph is a bug of the caller.
SplitGraph split_by_inputs(Graph graph, const StepInputs& inputs);

}  // namespace edgefusion::graph
