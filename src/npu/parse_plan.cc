#include <algorithm>
#include <set>
#include <utility>

#include "core/config_fields.h"
#include "core/content_hash.h"
#include "core/json.h"
#include "formats/json_file.h"
#include "npu/device_names.h"
#include "npu/plan_file.h"

namespace edgefusion::npu {
namespace {

constexpr JsonLimits kLimits{.max_bytes = size_t{64} << 20, .max_depth = 12};
// Far beyond any network and device, and small enough that sums stay within 64 bits.
constexpr int64_t kMostOps = 1'000'000;
constexpr int64_t kMostPlaces = int64_t{1} << 24;
constexpr int64_t kMostBytes = int64_t{1} << 40;
constexpr IntRange kCounts{0, int64_t{1} << 60};
constexpr IntRange kBytes{0, kMostBytes};
constexpr double kMostCycles = 1e18;

/// Everything that was asked for is right, and nobody wrote more than that.
Status finish(ConfigReader& reader) {
  ConfigFields::complain_about_strangers(reader);
  return reader.status();
}

std::string element(const std::string& origin, std::string_view field, size_t index) {
  return origin + ": " + std::string(field) + "[" + std::to_string(index) + "]";
}

/// The array under a key; no array: one complaint and nothing.
nlohmann::json list(ConfigReader& reader, std::string_view key) {
  const nlohmann::json& found = reader.raw(key);
  if (found.is_array()) return found;
  reader.complain(key, "array", reader.has(key) ? describe(found) : "nothing");
  return nlohmann::json::array();
}

/// read(element, its place) for each of a list that may be empty.
template <typename T, typename Read>
Status read_list(ConfigReader& reader, std::string_view key, const Read& read,
                 std::vector<T>& into) {
  const nlohmann::json elements = list(reader, key);
  EF_TRY_STATUS(reader.status());
  for (size_t i = 0; i < elements.size(); ++i) {
    ConfigReader inner(elements[i], element(reader.origin(), key, i));
    EF_TRY(T made, read(inner));
    EF_TRY_STATUS(finish(inner));
    into.push_back(std::move(made));
  }
  return {};
}

std::string words(ConfigReader& reader, std::string_view key) {
  std::string text = reader.string(key);
  if (reader.has(key) && text.empty()) reader.complain(key, "a name", "nothing");
  return text;
}

std::string hash(ConfigReader& reader, std::string_view key) {
  std::string text = reader.string(key);
  if (!text.empty() && !parse_hash128(text)) {
    reader.complain(key, "32 hexadecimal digits", "\"" + printable(text) + "\"");
  }
  return text;
}

PlannedCost cost(ConfigReader& reader) {
  PlannedCost cost;
  cost.cycles = reader.number("cycles");
  if (!(cost.cycles >= 0 && cost.cycles <= kMostCycles)) {
    reader.complain("cycles", "number in [0, 1e18]", nlohmann::json(cost.cycles).dump());
  }
  cost.macs = reader.integer("macs", kCounts);
  cost.dram_bytes_read = reader.integer("dram_bytes_read", kCounts);
  cost.dram_bytes_written = reader.integer("dram_bytes_written", kCounts);
  return cost;
}

Tiling tiling(ConfigReader& group) {
  ConfigReader reader = group.object("tiling");
  Tiling tiling;
  tiling.items = reader.integer("items", {1, kMostPlaces});
  tiling.lines = reader.integer("lines", {1, kMostPlaces});
  tiling.columns = reader.integer("columns", {1, kMostPlaces});
  tiling.part_bytes = reader.integer("part_bytes", kBytes);
  tiling.heads = reader.integer("heads", {1, kMostOps});
  tiling.key_block = reader.integer("key_block", {0, kMostPlaces});
  tiling.online = reader.boolean("online");
  tiling.parts_outer = reader.boolean("parts_outer");
  tiling.double_buffered = reader.boolean("double_buffered");
  for (const int64_t op : reader.int_list("held", IntRange{0, kMostOps})) {
    tiling.held.push_back(static_cast<OpId>(op));
  }
  ConfigFields::complain_about_strangers(reader);
  return tiling;
}

Result<PlannedSlot> slot(ConfigReader& reader) {
  PlannedSlot slot;
  slot.label = words(reader, "label");
  slot.offset = reader.integer("offset", kBytes);
  slot.bytes = reader.integer("bytes", kBytes);
  return slot;
}

std::string range(int64_t first, int64_t end) {
  return "[" + std::to_string(first) + ", " + std::to_string(end) + "]";
}

Result<PlannedGroup> group(ConfigReader& reader) {
  PlannedGroup planned;
  planned.name = words(reader, "name");
  planned.nodes = reader.string_list("nodes");
  const std::vector<int64_t> ops = reader.int_list("ops", IntRange{0, kMostOps});
  Group& group = planned.group;
  if (ops.size() == 2 && ops[0] < ops[1]) {
    group.first = static_cast<OpId>(ops[0]);
    group.end = static_cast<OpId>(ops[1]);
  } else if (reader.has("ops")) {
    reader.complain("ops", "first and end, first < end", describe(reader.raw("ops")));
  }
  group.tiling = tiling(reader);
  for (const OpId held : group.tiling.held) {
    if (held >= group.first && held < group.end) continue;
    reader.complain("tiling: held", "ops of " + range(group.first, group.end),
                    std::to_string(held));
  }
  planned.cost = cost(reader);
  EF_TRY_STATUS(read_list(reader, "slots", slot, planned.slots));
  return planned;
}

Result<PlannedResidence> residence(ConfigReader& reader) {
  PlannedResidence stays;
  stays.tensor = words(reader, "tensor");
  stays.first_group = static_cast<int>(reader.integer("first_group", {0, kMostOps}));
  stays.last_group = static_cast<int>(reader.integer("last_group", {stays.first_group, kMostOps}));
  stays.offset = reader.integer("offset", kBytes);
  stays.bytes = reader.integer("bytes", kBytes);
  return stays;
}

Result<PlannedReason> reason(ConfigReader& reader) {
  PlannedReason reason;
  reason.kind = words(reader, "kind");
  reason.text = words(reader, "text");
  reason.cycles = reader.number("cycles");
  reason.bytes = reader.integer("bytes", kCounts);
  reason.macs = reader.integer("macs", kCounts);
  return reason;
}

/// Groups cover all ops in order, each node is in one of them, residences lie within them.
Status check_order(const PlannedNetwork& network, const std::string& origin) {
  if (network.groups.empty()) {
    return fail(ErrorCode::bad_file, origin + ": groups: expected at least one, found none");
  }
  OpId next = 0;
  std::set<std::string_view> nodes;
  for (size_t g = 0; g < network.groups.size(); ++g) {
    const PlannedGroup& group = network.groups[g];
    const std::string place = element(origin, "groups", g);
    if (group.group.first != next) {
      return fail(ErrorCode::bad_file, place + ": ops: expected to begin with " +
                                           std::to_string(next) + ", found " +
                                           std::to_string(group.group.first));
    }
    next = group.group.end;
    for (const std::string& node : group.nodes) {
      if (nodes.insert(node).second) continue;
      return fail(ErrorCode::bad_file,
                  place + ": nodes: expected each once, found \"" + printable(node) + "\" again");
    }
  }
  for (size_t i = 0; i < network.residences.size(); ++i) {
    const auto last = static_cast<size_t>(network.residences[i].last_group);
    if (last < network.groups.size()) continue;
    return fail(ErrorCode::bad_file,
                element(origin, "residences", i) + ": last_group: expected less than " +
                    std::to_string(network.groups.size()) + ", found " + std::to_string(last));
  }
  return {};
}

/// Those of the groups add up to the network's.
Status check_sums(const PlannedNetwork& network, const std::string& origin) {
  const auto check = [&](const char* name, int64_t PlannedCost::*field) -> Status {
    // Each is at most 2^60; a sum that went beyond the total is wrong already.
    int64_t sum = 0;
    for (const PlannedGroup& group : network.groups) {
      sum += group.cost.*field;
      if (sum > network.totals.*field) break;
    }
    if (sum == network.totals.*field) return {};
    return fail(ErrorCode::bad_file, origin + ": totals: " + name + ": expected the groups' sum, " +
                                         std::to_string(sum) + ", found " +
                                         std::to_string(network.totals.*field));
  };
  EF_TRY_STATUS(check("macs", &PlannedCost::macs));
  EF_TRY_STATUS(check("dram_bytes_read", &PlannedCost::dram_bytes_read));
  return check("dram_bytes_written", &PlannedCost::dram_bytes_written);
}

std::map<std::string, int64_t> arithmetic(ConfigReader& network) {
  ConfigReader reader = network.object("arithmetic");
  std::map<std::string, int64_t> counts;
  for (const std::string_view name : arithmetic_names()) {
    const int64_t count = reader.integer(name, 0, {0, kMostOps});
    if (count > 0) counts[std::string(name)] = count;
  }
  ConfigFields::complain_about_strangers(reader);
  return counts;
}

PlannedCost cost_object(ConfigReader& network, std::string_view key) {
  ConfigReader reader = network.object(key);
  PlannedCost read = cost(reader);
  ConfigFields::complain_about_strangers(reader);
  return read;
}

Result<PlannedNetwork> network(ConfigReader& reader) {
  PlannedNetwork network;
  network.name = words(reader, "name");
  network.graph_hash = hash(reader, "graph_hash");
  network.arithmetic = arithmetic(reader);
  network.runs = reader.integer("runs", {1, kMostOps});
  network.totals = cost_object(reader, "totals");
  network.op_by_op = cost_object(reader, "op_by_op");
  EF_TRY_STATUS(read_list(reader, "groups", group, network.groups));
  EF_TRY_STATUS(read_list(reader, "residences", residence, network.residences));
  EF_TRY_STATUS(read_list(reader, "reasons", reason, network.reasons));
  EF_TRY_STATUS(check_order(network, reader.origin()));
  EF_TRY_STATUS(check_sums(network, reader.origin()));
  return network;
}

Status check_version(ConfigReader& reader) {
  const int64_t version = reader.integer("version", {1, kMostOps});
  EF_TRY_STATUS(reader.status());
  if (version <= kPlanVersion) return {};
  return fail(ErrorCode::unsupported, reader.origin() + ": version: expected at most " +
                                          std::to_string(kPlanVersion) + ", found " +
                                          std::to_string(version) + ": a newer program wrote it");
}

Result<PlanFile> read_plan(nlohmann::json json, const std::string& origin) {
  ConfigReader reader(std::move(json), origin);
  EF_TRY_STATUS(check_version(reader));
  PlanFile file;
  ConfigReader device = reader.object("device");
  file.device = words(device, "name");
  file.device_hash = hash(device, "hash");
  ConfigFields::complain_about_strangers(device);
  ConfigReader model = reader.object("model");
  file.model = words(model, "name");
  file.precision = words(model, "precision");
  if (model.has("precision") && file.precision != "auto" && !parse_arithmetic(file.precision)) {
    model.complain("precision", "auto, f16, w8a16 or w8a8", describe(model.raw("precision")));
  }
  ConfigFields::complain_about_strangers(model);
  const std::vector<int64_t> size = reader.int_list("size", IntRange{1, 65536});
  if (size.size() == 2) {
    file.width = size[0];
    file.height = size[1];
  } else if (reader.has("size")) {
    reader.complain("size", "width and height", describe(reader.raw("size")));
  }
  EF_TRY_STATUS(read_list(reader, "networks", network, file.networks));
  EF_TRY_STATUS(finish(reader));
  std::set<std::string_view> names;
  for (const PlannedNetwork& planned : file.networks) {
    if (names.insert(planned.name).second) continue;
    return fail(ErrorCode::bad_file, origin + ": networks: expected each once, found \"" +
                                         printable(planned.name) + "\" again");
  }
  if (!names.empty()) return file;
  return fail(ErrorCode::bad_file, origin + ": networks: expected at least one, found none");
}

}  // namespace

Result<PlanFile> parse_plan(std::string_view text, const std::string& origin) {
  EF_TRY(nlohmann::json json, parse_json(text, origin, kLimits));
  return read_plan(std::move(json), origin);
}

Result<PlanFile> load_plan(const std::filesystem::path& path) {
  EF_TRY(nlohmann::json json, formats::read_json_object(path, kLimits));
  return read_plan(std::move(json), path.string());
}

}  // namespace edgefusion::npu
