#include "npu/plan_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/content_hash.h"
#include "core/json.h"

namespace edgefusion::npu {
namespace {

using Json = nlohmann::ordered_json;

void add_number(ContentHasher& hasher, double number) {
  hasher.add(std::as_bytes(std::span(&number, 1)));
}

template <typename Numbers>
void add_numbers(ContentHasher& hasher, const Numbers& numbers) {
  for (const double number : numbers) add_number(hasher, number);
}

Json to_json(const Tiling& tiling) {
  return {{"items", tiling.items},
          {"lines", tiling.lines},
          {"columns", tiling.columns},
          {"part_bytes", tiling.part_bytes},
          {"heads", tiling.heads},
          {"key_block", tiling.key_block},
          {"online", tiling.online},
          {"parts_outer", tiling.parts_outer},
          {"double_buffered", tiling.double_buffered},
          {"held", tiling.held}};
}

void add_cost(Json& json, const PlannedCost& cost) {
  json["cycles"] = cost.cycles;
  json["macs"] = cost.macs;
  json["dram_bytes_read"] = cost.dram_bytes_read;
  json["dram_bytes_written"] = cost.dram_bytes_written;
}

Json to_json(const PlannedCost& cost) {
  Json json;
  add_cost(json, cost);
  return json;
}

Json to_json(const PlannedGroup& group) {
  Json json = {{"name", group.name},
               {"nodes", group.nodes},
               {"ops", {group.group.first, group.group.end}},
               {"tiling", to_json(group.group.tiling)},
               {"slots", Json::array()}};
  for (const PlannedSlot& slot : group.slots) {
    json["slots"].push_back(
        {{"label", slot.label}, {"offset", slot.offset}, {"bytes", slot.bytes}});
  }
  add_cost(json, group.cost);
  return json;
}

Json to_json(const PlannedNetwork& network) {
  Json json = {{"name", network.name},
               {"graph_hash", network.graph_hash},
               {"arithmetic", network.arithmetic},
               {"runs", network.runs},
               {"groups", Json::array()},
               {"residences", Json::array()}};
  for (const PlannedGroup& group : network.groups) json["groups"].push_back(to_json(group));
  for (const PlannedResidence& stays : network.residences) {
    json["residences"].push_back({{"tensor", stays.tensor},
                                  {"first_group", stays.first_group},
                                  {"last_group", stays.last_group},
                                  {"offset", stays.offset},
                                  {"bytes", stays.bytes}});
  }
  json["totals"] = to_json(network.totals);
  json["op_by_op"] = to_json(network.op_by_op);
  json["reasons"] = Json::array();
  for (const PlannedReason& reason : network.reasons) {
    json["reasons"].push_back({{"kind", reason.kind},
                               {"text", reason.text},
                               {"cycles", reason.cycles},
                               {"bytes", reason.bytes},
                               {"macs", reason.macs}});
  }
  return json;
}

std::string group_name(const Work& work, const Group& group, size_t index) {
  const std::string number = std::to_string(index);
  return "g" + std::string(3 - std::min<size_t>(3, number.size()), '0') + number + " " +
         work.op(group.first).name;
}

/// The last op of each node: it makes the node's value.
std::vector<OpId> last_ops(const Work& work) {
  std::vector<OpId> last(work.graph->nodes().size(), -1);
  for (size_t id = 0; id < work.ops.size(); ++id) {
    last[static_cast<size_t>(work.ops[id].node)] = static_cast<OpId>(id);
  }
  return last;
}

}  // namespace

std::string device_hash(const Device& device) {
  ContentHasher hasher;
  hasher.add_text(device.name);
  add_number(hasher, device.clock_mhz);
  const TensorEngines& tensor = device.tensor;
  add_numbers(hasher, tensor.macs_per_cycle);
  add_number(hasher, tensor.activation_products);
  for (const int64_t number : {int64_t{tensor.count}, tensor.align_rows, tensor.align_outputs,
                               tensor.align_inputs, tensor.setup_cycles}) {
    hasher.add_number(static_cast<uint64_t>(number));
  }
  for (const VectorOp op : tensor.fused) hasher.add_text(to_string(op));
  add_numbers(hasher, device.vector.cycles);
  add_number(hasher, device.dma.bytes_per_cycle);
  add_number(hasher, device.host.bytes_per_cycle);
  for (const int64_t number :
       {int64_t{device.vector.count}, device.vector.lanes, device.vector.setup_cycles,
        device.memory.bytes, int64_t{device.memory.banks}, device.memory.alignment,
        int64_t{device.dma.channels}, device.dma.setup_cycles, device.host.hand_over_cycles,
        device.hand_over_cycles, int64_t{device.concurrent}}) {
    hasher.add_number(static_cast<uint64_t>(number));
  }
  for (const std::string& op : device.host.ops) hasher.add_text(op);
  if (device.energy) {
    add_numbers(hasher, device.energy->per_mac);
    for (const double number : {device.energy->per_vector_element, device.energy->per_dram_byte,
                                device.energy->per_on_chip_byte}) {
      add_number(hasher, number);
    }
  }
  return hasher.result().to_hex();
}

std::map<std::string, int64_t> arithmetic_of(const Work& work) {
  std::map<std::string, int64_t> counts;
  for (const Op& op : work.ops) {
    if (op.is_matrix() && !op.on_host) ++counts[std::string(to_string(op.arithmetic))];
  }
  return counts;
}

PlannedCost planned_cost(const Totals& totals) {
  return {totals.cycles, totals.macs, totals.dram_bytes_read, totals.dram_bytes_written};
}

PlannedNetwork planned_network(const Work& work, const Plan& plan, const Schedule& schedule,
                               const Timeline& timeline) {
  PlannedNetwork network;
  network.name = work.name;
  network.graph_hash = graph::graph_hash(*work.graph);
  network.arithmetic = arithmetic_of(work);
  const std::vector<OpId> last = last_ops(work);
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    PlannedGroup planned{.name = group_name(work, plan.groups[g], g),
                         .nodes = {},
                         .group = plan.groups[g],
                         .slots = {},
                         .cost = planned_cost(timeline.groups[g])};
    for (OpId id = planned.group.first; id < planned.group.end; ++id) {
      const graph::NodeId node = work.op(id).node;
      if (last[static_cast<size_t>(node)] != id) continue;
      planned.nodes.push_back(work.graph->value(work.graph->node(node).output).name);
    }
    network.groups.push_back(std::move(planned));
  }
  // Slots of what stays come first.
  for (size_t i = plan.residences.size(); i < schedule.slots.size(); ++i) {
    const Slot& slot = schedule.slots[i];
    network.groups[static_cast<size_t>(slot.first_group)].slots.push_back(
        {slot.label, slot.offset, slot.bytes});
  }
  for (const Residence& residence : plan.residences) {
    const NpuTensor& tensor = work.tensor(residence.tensor);
    network.residences.push_back({tensor.name, residence.first_group, residence.last_group,
                                  residence.offset, tensor.bytes()});
  }
  network.totals = planned_cost(timeline.totals);
  return network;
}

std::string to_json(const PlanFile& file) {
  Json json = {{"version", kPlanVersion},
               {"device", {{"name", file.device}, {"hash", file.device_hash}}},
               {"model", {{"name", file.model}, {"precision", file.precision}}},
               {"size", {file.width, file.height}},
               {"networks", Json::array()}};
  for (const PlannedNetwork& network : file.networks) {
    json["networks"].push_back(to_json(network));
  }
  return json.dump(1) + "\n";
}

}  // namespace edgefusion::npu
