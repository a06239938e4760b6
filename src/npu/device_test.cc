#include "npu/device.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/testing/temporary_folder.h"
#include "npu/builtin_devices.h"
#include "npu/device_names.h"

namespace edgefusion::npu {
namespace {

using nlohmann::json;

/// Everything that must be there, and nothing else.
json smallest() {
  return json::parse(R"({
    "name": "tiny", "clock_mhz": 100,
    "tensor_engines": {"macs_per_cycle": {"w8a8": 64}},
    "vector_engines": {"lanes": 4, "cycles": {"add": 1.5}},
    "memory": {"bytes": 65536},
    "dma": {"bytes_per_cycle": 4}
  })");
}

std::string refusal(const json& description) {
  const auto device = parse_device(description.dump(), "npu.json");
  EXPECT_FALSE(device.has_value());
  if (device) return "";
  EXPECT_EQ(device.error().code(), ErrorCode::bad_file);
  EXPECT_EQ(device.error().message().find('\n'), std::string::npos);
  return device.error().message();
}

std::string refusal_with(const char* pointer, const json& value) {
  json description = smallest();
  description[json::json_pointer(pointer)] = value;
  return refusal(description);
}

TEST(Device, HasDefaultsForWhatASmallDescriptionLeavesOut) {
  const auto device = parse_device(smallest().dump(), "npu.json");
  ASSERT_TRUE(device.has_value()) << device.error().message();
  EXPECT_EQ(device->name, "tiny");
  EXPECT_EQ(device->tensor.count, 1);
  EXPECT_EQ(device->tensor.macs_per_cycle, (std::array<double, kArithmetics>{0, 0, 64}));
  EXPECT_EQ(device->tensor.align_inputs, 1);
  EXPECT_TRUE(device->tensor.fused.empty());
  EXPECT_EQ(device->vector.count, 1);
  EXPECT_EQ(device->vector.cycles[static_cast<size_t>(VectorOp::add)], 1.5);
  EXPECT_EQ(device->vector.cycles[static_cast<size_t>(VectorOp::softmax)], 0);
  EXPECT_EQ(device->memory.banks, 1);
  EXPECT_EQ(device->memory.alignment, 64);
  EXPECT_EQ(device->dma.channels, 1);
  EXPECT_TRUE(device->host.ops.empty());
  EXPECT_TRUE(device->concurrent);
  EXPECT_EQ(device->hand_over_cycles, 0);
  EXPECT_FALSE(device->energy.has_value());
  EXPECT_DOUBLE_EQ(device->milliseconds(250'000), 2.5);
}

TEST(Device, ReadsEveryField) {
  const auto device = parse_device(R"({
    "name": "all", "description": "two\nlines", "_note": "is not read",
    "clock_mhz": 1000.5, "concurrent": false, "hand_over_cycles": 7,
    "tensor_engines": {
      "count": 2, "macs_per_cycle": {"f16": 1, "w8a16": 2, "w8a8": 3.5},
      "align_rows": 4, "align_outputs": 8, "align_inputs": 16, "setup_cycles": 9,
      "fused": ["add", "geglu"]
    },
    "vector_engines": {"count": 3, "lanes": 32, "setup_cycles": 5, "cycles": {"norm": 2}},
    "memory": {"bytes": 8192, "banks": 8, "alignment": 32},
    "dma": {"channels": 4, "bytes_per_cycle": 12.5, "setup_cycles": 6},
    "host": {"ops": ["embedding", "causal_attention"], "bytes_per_cycle": 3,
             "hand_over_cycles": 10},
    "energy": {"per_mac": {"f16": 0.5}, "per_vector_element": 1, "per_dram_byte": 20,
               "per_on_chip_byte": 2}
  })",
                                   "npu.json");
  ASSERT_TRUE(device.has_value()) << device.error().message();
  EXPECT_EQ(device->description, "two lines");
  EXPECT_EQ(device->clock_mhz, 1000.5);
  EXPECT_FALSE(device->concurrent);
  EXPECT_EQ(device->hand_over_cycles, 7);
  EXPECT_EQ(device->tensor.count, 2);
  EXPECT_EQ(device->tensor.macs_per_cycle, (std::array<double, kArithmetics>{1, 2, 3.5}));
  EXPECT_EQ(device->tensor.align_rows, 4);
  EXPECT_EQ(device->tensor.align_outputs, 8);
  EXPECT_EQ(device->tensor.align_inputs, 16);
  EXPECT_EQ(device->tensor.setup_cycles, 9);
  EXPECT_EQ(device->tensor.fused, (std::set<VectorOp>{VectorOp::add, VectorOp::geglu}));
  EXPECT_EQ(device->vector.count, 3);
  EXPECT_EQ(device->vector.lanes, 32);
  EXPECT_EQ(device->vector.setup_cycles, 5);
  EXPECT_EQ(device->vector.cycles[static_cast<size_t>(VectorOp::norm)], 2);
  EXPECT_EQ(device->memory.bank_bytes(), 1024);
  EXPECT_EQ(device->memory.alignment, 32);
  EXPECT_EQ(device->dma.channels, 4);
  EXPECT_EQ(device->dma.bytes_per_cycle, 12.5);
  EXPECT_EQ(device->dma.setup_cycles, 6);
  EXPECT_TRUE(device->host.ops.contains("causal_attention"));
  EXPECT_EQ(device->host.bytes_per_cycle, 3);
  EXPECT_EQ(device->host.hand_over_cycles, 10);
  ASSERT_TRUE(device->energy.has_value());
  EXPECT_EQ(device->energy->per_mac, (std::array<double, kArithmetics>{0.5, 0, 0}));
  EXPECT_EQ(device->energy->per_vector_element, 1);
  EXPECT_EQ(device->energy->per_dram_byte, 20);
  EXPECT_EQ(device->energy->per_on_chip_byte, 2);
}

TEST(Device, MissesEveryFieldThatHasNoDefault) {
  const std::vector<std::pair<const char*, const char*>> fields = {
      {"/name", "npu.json: name: expected string, found nothing"},
      {"/clock_mhz", "npu.json: clock_mhz: expected number, found nothing"},
      {"/tensor_engines",
       "npu.json: tensor_engines: macs_per_cycle: expected at least one rate, found nothing"},
      {"/vector_engines/lanes",
       "npu.json: vector_engines: lanes: expected integer in [1, 65536], found nothing"},
      {"/vector_engines/cycles",
       "npu.json: vector_engines: cycles: expected at least one rate, found nothing"},
      {"/memory/bytes",
       "npu.json: memory: bytes: expected integer in [1, 1099511627776], found nothing"},
      {"/dma/bytes_per_cycle", "npu.json: dma: bytes_per_cycle: expected number, found nothing"}};
  for (const auto& [pointer, message] : fields) {
    const json patch = json::array({{{"op", "remove"}, {"path", pointer}}});
    EXPECT_EQ(refusal(smallest().patch(patch)), message);
  }
}

TEST(Device, RefusesRatesThatAreNoRates) {
  for (const json& value : {json(0), json(-3), json(0.0), json(1e-9), json(1e12)}) {
    EXPECT_EQ(refusal_with("/dma/bytes_per_cycle", value),
              "npu.json: dma: bytes_per_cycle: expected number in [1e-06, 1e+09], found " +
                  json(value.get<double>()).dump());
  }
  for (const char* pointer :
       {"/clock_mhz", "/tensor_engines/macs_per_cycle/w8a8", "/tensor_engines/macs_per_cycle/f16",
        "/vector_engines/cycles/add", "/vector_engines/cycles/softmax"}) {
    EXPECT_NE(refusal_with(pointer, 0).find("expected number in [1e-06, 1e+09], found 0.0"),
              std::string::npos)
        << pointer;
  }
  EXPECT_EQ(refusal_with("/clock_mhz", "fast"),
            "npu.json: clock_mhz: expected number, found string \"fast\"");
  EXPECT_NE(refusal_with("/vector_engines/lanes", 0), "");
  EXPECT_NE(refusal_with("/tensor_engines/count", 0), "");
  EXPECT_NE(refusal_with("/tensor_engines/align_inputs", 0), "");
  EXPECT_NE(refusal_with("/tensor_engines/setup_cycles", -1), "");
  EXPECT_NE(refusal_with("/dma/channels", -1), "");
  EXPECT_NE(refusal_with("/hand_over_cycles", 0.5), "");
  EXPECT_NE(refusal_with("/energy/per_dram_byte", -1), "");
  EXPECT_NE(refusal_with("/memory/bytes", int64_t{1} << 60), "");
}

TEST(Device, RefusesNumbersThatAreNone) {
  const auto nan = parse_device(R"({"clock_mhz": NaN})", "npu.json");
  ASSERT_FALSE(nan.has_value());
  EXPECT_NE(nan.error().message().find("line 1, column 15"), std::string::npos)
      << nan.error().message();
  const auto infinite = parse_device(R"({"clock_mhz": 1e999})", "npu.json");
  ASSERT_FALSE(infinite.has_value());
  EXPECT_TRUE(infinite.error().message().starts_with("npu.json: ")) << infinite.error().message();
}

TEST(Device, WantsBanksThatDivideTheMemory) {
  EXPECT_EQ(refusal_with("/memory/banks", 3),
            "npu.json: memory: banks: expected a divisor of the 65536 bytes, found 3");
  json description = smallest();
  description["memory"] = {{"bytes", 65536}, {"banks", 16}, {"alignment", 3000}};
  EXPECT_EQ(refusal(description),
            "npu.json: memory: alignment: expected a divisor of a bank's 4096 bytes, found 3000");
}

TEST(Device, TellsWhatAMistypedFieldMayHaveMeant) {
  EXPECT_NE(refusal_with("/clock_mzh", 5)
                .find("npu.json: clock_mzh: expected a known field, found unknown field "
                      "\"clock_mzh\", did you mean \"clock_mhz\"?"),
            std::string::npos);
  EXPECT_NE(refusal_with("/memory/bank", 4).find("did you mean \"banks\"?"), std::string::npos);
  EXPECT_NE(refusal_with("/tensor_engines/macs_per_cycle/w8a61", 4).find("did you mean \"w8a16\"?"),
            std::string::npos);
  EXPECT_NE(refusal_with("/vector_engines/cycles/softmx", 4).find("did you mean \"softmax\"?"),
            std::string::npos);
  EXPECT_NE(refusal_with("/energy/per_mac/w4a4", 4).find("unknown field \"w4a4\""),
            std::string::npos);
}

TEST(Device, KnowsTheOpsOfEachList) {
  EXPECT_EQ(refusal_with("/tensor_engines/fused", {"relu", "softmax"}),
            "npu.json: tensor_engines: fused: expected names of fusable ops, found unknown "
            "fusable op \"softmax\". Known: add, relu, silu, gelu, tanh, geglu");
  json description = smallest();
  description["host"] = {{"ops", {"embeding", "reshape"}}, {"bytes_per_cycle", 1}};
  const std::string message = refusal(description);
  EXPECT_NE(message.find("unknown host op \"embeding\", did you mean \"embedding\"?"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("unknown host op \"reshape\"."), std::string::npos) << message;
  description["host"] = {{"ops", json::array()}};
  EXPECT_EQ(refusal(description),
            "npu.json: host: bytes_per_cycle: expected number, found nothing");
}

TEST(Device, RefusesEveryBeginningOfAFile) {
  const std::string text(builtin_devices().front().json);
  const size_t end = text.find_last_of('}') + 1;
  for (size_t length = 0; length < end; length += 7) {
    const auto device = parse_device(std::string_view(text).substr(0, length), "cut.json");
    ASSERT_FALSE(device.has_value()) << length;
    EXPECT_EQ(device.error().code(), ErrorCode::bad_file);
    EXPECT_TRUE(device.error().message().starts_with("cut.json: ")) << device.error().message();
  }
}

TEST(Device, WantsAnObject) {
  EXPECT_TRUE(refusal(json::array()).starts_with("npu.json: expected object, found "));
  EXPECT_NE(refusal_with("/memory", 4).find("npu.json: memory: expected object, found integer 4"),
            std::string::npos);
  EXPECT_NE(refusal_with("/tensor_engines/macs_per_cycle", 4)
                .find("macs_per_cycle: expected object, found integer 4"),
            std::string::npos);
}

TEST(Device, ComesFromAFile) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "npu.json";
  EXPECT_EQ(load_device(path).error().code(), ErrorCode::not_found);
  std::ofstream(path) << smallest().dump();
  const auto device = load_device(path);
  ASSERT_TRUE(device.has_value()) << device.error().message();
  EXPECT_EQ(device->name, "tiny");
  std::ofstream(path) << "{";
  EXPECT_TRUE(load_device(path).error().message().starts_with(path.string()));
}

TEST(Device, HasThreeThatComeAlong) {
  ASSERT_EQ(builtin_devices().size(), 3u);
  for (const BuiltinDevice& builtin : builtin_devices()) {
    const auto device = builtin_device(builtin.name);
    ASSERT_TRUE(device.has_value()) << device.error().message();
    EXPECT_EQ(device->name, builtin.name);
    EXPECT_FALSE(device->description.empty());
    // All that a network asks for, so that none is refused.
    EXPECT_GT(device->tensor.macs_per_cycle[static_cast<size_t>(Arithmetic::f16)], 0);
    for (const double cycles : device->vector.cycles) EXPECT_GT(cycles, 0) << builtin.name;
    EXPECT_TRUE(device->host.ops.contains("embedding"));
  }
  EXPECT_EQ(builtin_device("micro-512k")->memory.bytes, 512 << 10);
  EXPECT_EQ(builtin_device("micro-512k")->memory.banks, 16);
  EXPECT_EQ(builtin_device("large-16m")->memory.bytes, 16 << 20);
  EXPECT_EQ(builtin_device("large-16m")->tensor.count, 4);
  EXPECT_TRUE(builtin_device("large-16m")->energy.has_value());
  EXPECT_FALSE(builtin_device("exynos-2400")->concurrent);
  const auto unknown = builtin_device("micro-512");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().message(),
            "unknown device \"micro-512\", did you mean \"micro-512k\"? Known: exynos-2400, "
            "large-16m, micro-512k");
}

TEST(Device, NamesWhatItReads) {
  for (size_t i = 0; i < kArithmetics; ++i) {
    const auto arithmetic = static_cast<Arithmetic>(i);
    EXPECT_EQ(parse_arithmetic(to_string(arithmetic)).value(), arithmetic);
  }
  EXPECT_FALSE(parse_arithmetic("w8a").has_value());
  EXPECT_EQ(to_string(VectorOp::add), "add");
  EXPECT_EQ(to_string(VectorOp::norm), "norm");
  EXPECT_EQ(to_string(VectorOp::softmax), "softmax");
  EXPECT_TRUE(is_host_op_name("layer_norm"));
  EXPECT_TRUE(is_host_op_name("causal_attention"));
  EXPECT_FALSE(is_host_op_name("weight"));
  EXPECT_FALSE(is_host_op_name(""));
}

}  // namespace
}  // namespace edgefusion::npu
