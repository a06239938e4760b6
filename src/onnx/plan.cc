#include "onnx/plan.h"

#include <set>

#include "core/json.h"
#include "formats/json_file.h"
#include "onnx/export_groups.h"

namespace edgefusion::onnx {
namespace {

using nlohmann::json;

constexpr int64_t kVersion = 1;

Result<json> array_at(ConfigReader& reader, const char* key) {
  const json value = reader.raw(key);
  if (!value.is_array()) reader.complain(key, "an array", describe(value));
  EF_TRY_STATUS(reader.status());
  return value;
}

Result<NodeGroup> read_group(const json& value, const std::string& place) {
  ConfigReader reader(value, place);
  NodeGroup group;
  group.name = reader.string("name");
  group.nodes = reader.string_list("nodes");
  EF_TRY_STATUS(reader.status());
  if (!group.name.empty()) return group;
  return fail(ErrorCode::bad_file, place + ": name: expected one, found none");
}

Result<NetworkPlan> read_network(ConfigReader& reader) {
  NetworkPlan network;
  network.graph_hash = reader.string("graph_hash", "");
  EF_TRY(const json groups, array_at(reader, "groups"));
  std::set<std::string> files;
  for (size_t g = 0; g < groups.size(); ++g) {
    const std::string place = reader.origin() + ": groups[" + std::to_string(g) + "]";
    EF_TRY(NodeGroup group, read_group(groups[g], place));
    if (!files.insert(file_stem(group.name)).second) {
      return fail(ErrorCode::bad_file,
                  place + ": name: " + printable(group.name) + " is that of an earlier group");
    }
    network.groups.push_back(std::move(group));
  }
  if (!network.groups.empty()) return network;
  return fail(ErrorCode::bad_file, reader.origin() + ": groups: expected at least one");
}

}  // namespace

Result<Plan> read_plan(const std::filesystem::path& path) {
  EF_TRY(const json value, formats::read_json_file(path));
  ConfigReader reader(value, path.string());
  const int64_t version = reader.integer("version");
  EF_TRY(const json networks, array_at(reader, "networks"));
  if (version != kVersion) {
    return fail(ErrorCode::unsupported, path.string() + ": version: expected " +
                                            std::to_string(kVersion) + ", found " +
                                            std::to_string(version));
  }
  Plan plan;
  for (size_t n = 0; n < networks.size(); ++n) {
    ConfigReader network(networks[n], path.string() + ": networks[" + std::to_string(n) + "]");
    const std::string name = network.string("name");
    EF_TRY_STATUS(network.status());
    EF_TRY(NetworkPlan read, read_network(network));
    if (!plan.emplace(name, std::move(read)).second) {
      return fail(ErrorCode::bad_file,
                  path.string() + ": network " + printable(name) + " is there twice");
    }
  }
  return plan;
}

Status check_graph(const NetworkPlan& plan, const graph::Graph& graph) {
  const std::string found = graph::graph_hash(graph);
  if (plan.graph_hash.empty() || plan.graph_hash == found) return {};
  return fail(ErrorCode::invalid_argument,
              "network " + graph.name() + ": the plan was made for another model or size (hash " +
                  printable(plan.graph_hash) + ", expected " + found + ")");
}

}  // namespace edgefusion::onnx
