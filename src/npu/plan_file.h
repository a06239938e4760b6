#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "npu/device.h"
#include "npu/plan.h"
#include "npu/schedule.h"
#include "npu/simulate.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// A part of on-chip memory that a group takes while it runs.
struct PlannedSlot {
  std::string label;
  int64_t offset = 0, bytes = 0;
  bool operator==(const PlannedSlot&) const = default;
};

/// What a group, or a whole network, takes when it is simulated.
struct PlannedCost {
  double cycles = 0;
  int64_t macs = 0, dram_bytes_read = 0, dram_bytes_written = 0;
  bool operator==(const PlannedCost&) const = default;
};

struct PlannedGroup {
  std::string name;  ///< "g012 up_blocks.1.resnets.0.conv1"
  /// Values of the graph that its ops finish. Each node of the graph that does something is in one
  /// group of the network.
  std::vector<std::string> nodes;
  Group group;
  std::vector<PlannedSlot> slots;
  PlannedCost cost;
};

struct PlannedResidence {
  std::string tensor;
  int first_group = 0, last_group = 0;
  int64_t offset = 0, bytes = 0;
};

/// A reason as the file tells it.
struct PlannedReason {
  std::string kind, text;
  double cycles = 0;
  int64_t bytes = 0, macs = 0;
};

struct PlannedNetwork {
  std::string name, graph_hash;
  std::map<std::string, int64_t> arithmetic;  ///< matrix ops of each
  int64_t runs = 1;                           ///< for one picture
  std::vector<PlannedGroup> groups;
  std::vector<PlannedResidence> residences;
  PlannedCost totals;
  PlannedCost op_by_op;  ///< the same network, op after op
  std::vector<PlannedReason> reasons;
};

/// docs/plan.md tells the file's fields.
struct PlanFile {
  std::string device, device_hash;
  std::string model, precision;
  int64_t width = 0, height = 0;  ///< of the picture
  std::vector<PlannedNetwork> networks;
};

constexpr int kPlanVersion = 1;

/// Of all that a device's description says but its words.
std::string device_hash(const Device& device);
std::map<std::string, int64_t> arithmetic_of(const Work& work);

PlannedCost planned_cost(const Totals& totals);
/// All but runs, op_by_op and reasons.
PlannedNetwork planned_network(const Work& work, const Plan& plan, const Schedule& schedule,
                               const Timeline& timeline);

std::string to_json(const PlanFile& file);
/// Whatever it holds, counts and ranges are right afterwards: groups follow one another without a
/// gap, tilings and residences are within them. Errors: bad_file, one line with origin, field,
/// expected and found; unsupported, a version that is newer than this program.
Result<PlanFile> parse_plan(std::string_view text, const std::string& origin);
Result<PlanFile> load_plan(const std::filesystem::path& path);

/// The plan of a network, for this device and work. Errors: invalid_argument, expected and found,
/// if it was made for others.
Result<Plan> plan_for(const PlanFile& file, const PlannedNetwork& network, const Device& device,
                      const Work& work);

}  // namespace edgefusion::npu
