#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "graph/graph.h"
#include "onnx/split_groups.h"

namespace edgefusion::onnx {

/// Of a deployment plan, what concerns one network: how its nodes are grouped, and the graph it was
/// planned for (graph::graph_hash()), if the plan says so.
struct NetworkPlan {
  std::string graph_hash;
  std::vector<NodeGroup> groups;
};
using Plan = std::map<std::string, NetworkPlan, std::less<>>;  ///< by network: "unet"

/// Reads {"version": 1, "networks": [{"name", "graph_hash"?, "groups": [{"name", "nodes":
/// [...]}]}]}; other keys are not looked at. Names of groups become names of files: letters,
/// digits, "_", "-" and
/// ".", no "." first. Errors: io, bad_file naming place, expected and found.
Result<Plan> read_plan(const std::filesystem::path& path);

/// Errors: invalid_argument, a plan that was made for another graph.
Status check_graph(const NetworkPlan& plan, const graph::Graph& graph);

}  // namespace edgefusion::onnx
