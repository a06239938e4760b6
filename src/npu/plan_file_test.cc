#include "npu/plan_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace edgefusion::npu {
namespace {

using testing::HasSubstr;

PlannedGroup planned_group(OpId first, OpId end, const std::string& node) {
  PlannedGroup planned;
  planned.name = "g " + node;
  planned.nodes = {node};
  planned.group = {
      first, end, {.items = 1, .lines = 4, .columns = 2, .part_bytes = 64, .heads = 2}};
  planned.group.tiling.held = {first};
  planned.slots = {{"x", 128, 64}};
  planned.cost = {.cycles = 10.5, .macs = 7, .dram_bytes_read = 5, .dram_bytes_written = 3};
  return planned;
}

PlanFile small_file() {
  PlannedNetwork network;
  network.name = "net";
  network.graph_hash = std::string(32, 'a');
  network.arithmetic = {{"f16", 2}};
  network.runs = 3;
  network.groups = {planned_group(0, 2, "a"), planned_group(2, 3, "b")};
  network.residences = {{"a", 0, 1, 256, 64}};
  network.totals = {.cycles = 21, .macs = 14, .dram_bytes_read = 10, .dram_bytes_written = 6};
  network.op_by_op = {.cycles = 30, .macs = 14, .dram_bytes_read = 20, .dram_bytes_written = 9};
  network.reasons = {{"spilled", "b goes out", 4, 8, 0}};
  PlanFile file;
  file.device = "npu";
  file.device_hash = std::string(32, 'b');
  file.model = "model";
  file.precision = "auto";
  file.width = 64;
  file.height = 32;
  file.networks = {network};
  return file;
}

TEST(PlanFile, IsReadAsItWasWritten) {
  const std::string text = to_json(small_file());
  const auto file = parse_plan(text, "plan.json");
  ASSERT_TRUE(file.has_value()) << file.error().message();
  EXPECT_EQ(to_json(*file), text);
  EXPECT_EQ(file->width, 64);
  EXPECT_EQ(file->height, 32);
  const PlannedNetwork& network = file->networks.at(0);
  EXPECT_EQ(network.runs, 3);
  EXPECT_EQ(network.groups.at(0).slots, small_file().networks[0].groups[0].slots);
  EXPECT_EQ(network.groups.at(0).group.tiling.lines, 4);
  EXPECT_EQ(network.groups.at(1).group.tiling.held, std::vector<OpId>{2});
  EXPECT_EQ(network.totals, small_file().networks[0].totals);
}

struct Refusal {
  const char* name;
  std::function<void(nlohmann::json& file, nlohmann::json& network)> change;
  const char* says;
};

class Refusals : public testing::TestWithParam<Refusal> {};

TEST_P(Refusals, AreOfOneLine) {
  nlohmann::json json = nlohmann::json::parse(to_json(small_file()));
  GetParam().change(json, json["networks"][0]);
  const auto file = parse_plan(json.dump(), "plan.json");
  ASSERT_FALSE(file.has_value());
  const std::string& message = file.error().message();
  EXPECT_THAT(message, HasSubstr("plan.json"));
  EXPECT_THAT(message, HasSubstr(GetParam().says));
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

using Json = nlohmann::json;

INSTANTIATE_TEST_SUITE_P(
    Each, Refusals,
    testing::Values(
        Refusal{"version", [](Json& file, Json&) { file["version"] = 2; }, "newer"},
        Refusal{"field", [](Json& file, Json&) { file["colour"] = 1; }, "colour"},
        Refusal{"tiling_field", [](Json&, Json& net) { net["groups"][0]["tiling"]["x"] = 1; }, "x"},
        Refusal{"no_device", [](Json& file, Json&) { file.erase("device"); }, "device"},
        Refusal{"hash", [](Json& file, Json&) { file["device"]["hash"] = "zz"; }, "hexadecimal"},
        Refusal{"size", [](Json& file, Json&) { file["size"] = {1}; }, "width and height"},
        Refusal{"no_networks", [](Json& file, Json&) { file["networks"] = Json::array(); },
                "at least one"},
        Refusal{"twice", [](Json& file, Json& net) { file["networks"].push_back(Json(net)); },
                "again"},
        Refusal{"precision", [](Json& file, Json&) { file["model"]["precision"] = "w8a"; },
                "w8a16"},
        Refusal{"no_groups", [](Json&, Json& net) { net["groups"] = Json::array(); },
                "at least one"},
        Refusal{"gap", [](Json&, Json& net) { net["groups"].erase(0); }, "expected to begin with"},
        Refusal{"ops",
                [](Json&, Json& net) {
                  net["groups"][0]["ops"] = {2, 2};
                },
                "first < end"},
        Refusal{"held", [](Json&, Json& net) { net["groups"][0]["tiling"]["held"] = {2}; }, "held"},
        Refusal{"no_lines", [](Json&, Json& net) { net["groups"][0]["tiling"]["lines"] = 0; },
                "lines"},
        Refusal{"huge", [](Json&, Json& net) { net["groups"][0]["tiling"]["columns"] = 1LL << 40; },
                "columns"},
        Refusal{"no_heads", [](Json&, Json& net) { net["groups"][0]["tiling"]["heads"] = 0; },
                "heads"},
        Refusal{"part", [](Json&, Json& net) { net["groups"][0]["tiling"]["part_bytes"] = -1; },
                "part_bytes"},
        Refusal{"offset", [](Json&, Json& net) { net["groups"][0]["slots"][0]["offset"] = -1; },
                "offset"},
        Refusal{"cycles", [](Json&, Json& net) { net["totals"]["cycles"] = -1; }, "cycles"},
        Refusal{"sum", [](Json&, Json& net) { net["totals"]["macs"] = 15; }, "the groups' sum, 14"},
        Refusal{"node", [](Json&, Json& net) { net["groups"][1]["nodes"] = {"a"}; }, "again"},
        Refusal{"stays", [](Json&, Json& net) { net["residences"][0]["last_group"] = 2; },
                "last_group"},
        Refusal{"order",
                [](Json&, Json& net) {
                  net["residences"][0]["first_group"] = 1;
                  net["residences"][0]["last_group"] = 0;
                },
                "last_group"},
        Refusal{"runs", [](Json&, Json& net) { net["runs"] = 0; }, "runs"}),
    [](const testing::TestParamInfo<Refusal>& refusal) { return std::string(refusal.param.name); });

TEST(PlanFile, AnyCutIsRefused) {
  const std::string text = to_json(small_file());
  const size_t end = text.find_last_of('}');
  for (size_t size = 0; size < end; size += 7) {
    EXPECT_FALSE(parse_plan(text.substr(0, size), "plan.json").has_value()) << size;
  }
}

TEST(PlanFile, DeepNestingIsRefused) {
  const std::string text = std::string(1000, '[') + std::string(1000, ']');
  EXPECT_FALSE(parse_plan(text, "plan.json").has_value());
}

}  // namespace
}  // namespace edgefusion::npu
