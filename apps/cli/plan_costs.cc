#include "cli/plan_costs.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "npu/breakdown.h"

namespace edgefusion::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string_view action_name(npu::Action action) {
  switch (action) {
    case npu::Action::load:
      return "load";
    case npu::Action::store:
      return "store";
    case npu::Action::compute:
      return "compute";
    case npu::Action::host:
      return "host";
  }
  return "?";
}

Json item_json(const npu::CostItem& item) {
  return {{"group", item.group},
          {"engine", npu::to_string(item.engine)},
          {"action", action_name(item.action)},
          {"what", item.what},
          {"for", item.purpose},
          {"commands", item.commands},
          {"bytes", item.bytes},
          {"macs", item.macs},
          {"cycles", item.cycles},
          {"hand_over", item.hand_over}};
}

}  // namespace

std::string costs_json(const npu::Device& device, const std::vector<npu::PlannedRun>& runs) {
  Json networks = Json::array();
  for (const npu::PlannedRun& run : runs) {
    Json items = Json::array();
    for (const npu::CostItem& item : npu::breakdown(device, run.work, run.schedule, run.timeline)) {
      items.push_back(item_json(item));
    }
    networks.push_back({{"name", run.work.name},
                        {"cycles", run.timeline.totals.cycles},
                        {"items", std::move(items)}});
  }
  return Json{{"device", device.name}, {"clock_mhz", device.clock_mhz}, {"networks", networks}}
             .dump(1) +
         "\n";
}

}  // namespace edgefusion::cli
