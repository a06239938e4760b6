#include <map>

#include "core/json.h"
#include "npu/plan_file.h"

namespace edgefusion::npu {
namespace {

tl::unexpected<Error> other(const std::string& what, const std::string& expected,
                            const std::string& found) {
  return fail(ErrorCode::invalid_argument, what + ": expected " + expected + ", found " + found);
}

std::string counts_text(const std::map<std::string, int64_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + name;
  }
  return text.empty() ? "none" : text;
}

}  // namespace

Result<Plan> plan_for(const PlanFile& file, const PlannedNetwork& network, const Device& device,
                      const Work& work) {
  const std::string hash = device_hash(device);
  if (file.device_hash != hash) {
    return other("device", device.name + " " + hash,
                 printable(file.device) + " " + file.device_hash);
  }
  const std::string name = printable(network.name);
  if (network.name != work.name) return other("network", work.name, name);
  const std::string graph = graph::graph_hash(*work.graph);
  if (network.graph_hash != graph) {
    return other(name + ": graph_hash (another model or size)", graph, network.graph_hash);
  }
  if (network.arithmetic != arithmetic_of(work)) {
    return other(name + ": arithmetic of matrix ops", counts_text(arithmetic_of(work)),
                 counts_text(network.arithmetic));
  }
  const auto ops = static_cast<OpId>(work.ops.size());
  if (network.groups.back().group.end != ops) {
    return other(name + ": ops", std::to_string(ops),
                 std::to_string(network.groups.back().group.end));
  }
  Plan plan;
  for (const PlannedGroup& group : network.groups) plan.groups.push_back(group.group);
  std::map<std::string_view, TensorId> tensors;
  for (size_t id = 0; id < work.tensors.size(); ++id) {
    tensors[work.tensors[id].name] = static_cast<TensorId>(id);
  }
  for (const PlannedResidence& stays : network.residences) {
    const auto found = tensors.find(stays.tensor);
    if (found == tensors.end()) {
      return other(name + ": residences", "tensors of the network",
                   "\"" + printable(stays.tensor) + "\"");
    }
    const OpId producer = work.tensor(found->second).producer;
    const Group& maker = plan.groups[static_cast<size_t>(stays.first_group)];
    if (producer < maker.first || producer >= maker.end) {
      return other(name + ": residences: " + stays.tensor, "the group that makes it",
                   "first_group " + std::to_string(stays.first_group));
    }
    const int64_t bytes = work.tensor(found->second).bytes();
    if (stays.bytes != bytes || stays.offset + bytes > device.memory.bytes) {
      return other(name + ": residences: " + stays.tensor,
                   std::to_string(bytes) + " bytes within " + std::to_string(device.memory.bytes),
                   std::to_string(stays.bytes) + " at " + std::to_string(stays.offset));
    }
    plan.residences.push_back({found->second, stays.first_group, stays.last_group, stays.offset});
  }
  return plan;
}

}  // namespace edgefusion::npu
