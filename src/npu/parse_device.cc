#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/json.h"
#include "core/nearest_name.h"
#include "npu/device.h"
#include "npu/device_names.h"

namespace edgefusion::npu {
namespace {

constexpr JsonLimits kLimits{.max_bytes = size_t{1} << 20, .max_depth = 8};

// Far beyond any device, and small enough that products of them and of sizes of tensors stay finite
// and within 64 bits.
constexpr double kMostRate = 1e9;
constexpr double kLeastRate = 1e-6;
constexpr int64_t kMostUnits = 1024;
constexpr int64_t kMostCycles = 1'000'000'000;
constexpr int64_t kMostAlign = 65536;
constexpr int64_t kMostBytes = int64_t{1} << 40;

constexpr IntRange kUnits{1, kMostUnits};
constexpr IntRange kCycles{0, kMostCycles};
constexpr IntRange kAlign{1, kMostAlign};

void complain_about_strangers(ConfigReader& reader) {
  const std::vector<std::string_view> known(reader.asked_keys().begin(), reader.asked_keys().end());
  for (const std::string& key : reader.unread_keys()) {
    reader.complain(key, "a known field", unknown_name_message("field", printable(key), known));
  }
}

/// A number that divides or is multiplied by: never zero, never negative.
double rate(ConfigReader& reader, std::string_view key) {
  const double value = reader.number(key);
  if (!reader.has(key) || !reader.raw(key).is_number()) return 0;
  if (value >= kLeastRate && value <= kMostRate) return value;
  reader.complain(key, "number in [1e-06, 1e+09]", nlohmann::json(value).dump());
  return 0;
}

/// One number for each of `names`, 0 where the file has none.
template <size_t N>
std::array<double, N> rates(ConfigReader& outer, std::string_view field,
                            std::span<const std::string_view> names) {
  std::array<double, N> result{};
  ConfigReader reader = outer.object(field);
  for (size_t i = 0; i < N; ++i) {
    // Asking also for absent ones makes them known to complaints about others.
    (void)reader.raw(names[i]);
    if (reader.has(names[i])) result[i] = rate(reader, names[i]);
  }
  complain_about_strangers(reader);
  const bool has_any = std::ranges::any_of(result, [](double value) { return value > 0; });
  if (!has_any && reader.unread_keys().empty()) {
    outer.complain(field, "at least one rate", outer.has(field) ? "none" : "nothing");
  }
  return result;
}

/// Names out of a list of known ones.
std::vector<std::string> names_in(ConfigReader& reader, std::string_view field,
                                  std::string_view kind, std::span<const std::string_view> known) {
  std::vector<std::string> names = reader.string_list(field, std::vector<std::string>());
  std::erase_if(names, [&](const std::string& name) {
    if (std::ranges::count(known, name) != 0) return false;
    reader.complain(field, "names of " + std::string(kind) + "s",
                    unknown_name_message(kind, printable(name), known));
    return true;
  });
  return names;
}

/// What can happen to sums on their way out.
constexpr std::array kFusable = {VectorOp::add,  VectorOp::relu, VectorOp::silu,
                                 VectorOp::gelu, VectorOp::tanh, VectorOp::geglu};

TensorEngines tensor_engines(ConfigReader& device) {
  ConfigReader reader = device.object("tensor_engines");
  TensorEngines engines;
  engines.count = static_cast<int>(reader.integer("count", 1, kUnits));
  engines.macs_per_cycle = rates<kArithmetics>(reader, "macs_per_cycle", arithmetic_names());
  engines.activation_products = reader.number("activation_products", 1.0);
  if (!(engines.activation_products > 0 && engines.activation_products <= 1)) {
    reader.complain("activation_products", "number in (0, 1]",
                    nlohmann::json(engines.activation_products).dump());
    engines.activation_products = 1.0;
  }
  engines.align_rows = reader.integer("align_rows", 1, kAlign);
  engines.align_outputs = reader.integer("align_outputs", 1, kAlign);
  engines.align_inputs = reader.integer("align_inputs", 1, kAlign);
  engines.setup_cycles = reader.integer("setup_cycles", 0, kCycles);
  std::vector<std::string_view> known;
  for (const VectorOp op : kFusable) known.push_back(to_string(op));
  for (const std::string& name : names_in(reader, "fused", "fusable op", known)) {
    engines.fused.insert(
        kFusable[static_cast<size_t>(std::ranges::find(known, name) - known.begin())]);
  }
  complain_about_strangers(reader);
  return engines;
}

VectorEngines vector_engines(ConfigReader& device) {
  ConfigReader reader = device.object("vector_engines");
  VectorEngines engines;
  engines.count = static_cast<int>(reader.integer("count", 1, kUnits));
  engines.lanes = reader.integer("lanes", {1, kMostAlign});
  engines.cycles = rates<kVectorOps>(reader, "cycles", vector_op_names());
  engines.setup_cycles = reader.integer("setup_cycles", 0, kCycles);
  complain_about_strangers(reader);
  return engines;
}

OnChipMemory on_chip_memory(ConfigReader& device) {
  ConfigReader reader = device.object("memory");
  OnChipMemory memory;
  memory.bytes = reader.integer("bytes", {1, kMostBytes});
  memory.banks = static_cast<int>(reader.integer("banks", 1, {1, kMostAlign}));
  memory.alignment = reader.integer("alignment", 64, kAlign);
  if (memory.bytes > 0 && memory.bytes % memory.banks != 0) {
    reader.complain("banks", "a divisor of the " + std::to_string(memory.bytes) + " bytes",
                    std::to_string(memory.banks));
  } else if (memory.bytes > 0 && memory.bank_bytes() % memory.alignment != 0) {
    reader.complain("alignment",
                    "a divisor of a bank's " + std::to_string(memory.bank_bytes()) + " bytes",
                    std::to_string(memory.alignment));
  }
  complain_about_strangers(reader);
  return memory;
}

Dma dma(ConfigReader& device) {
  ConfigReader reader = device.object("dma");
  Dma dma;
  dma.channels = static_cast<int>(reader.integer("channels", 1, kUnits));
  dma.bytes_per_cycle = rate(reader, "bytes_per_cycle");
  dma.setup_cycles = reader.integer("setup_cycles", 0, kCycles);
  complain_about_strangers(reader);
  return dma;
}

Host host(ConfigReader& device) {
  if (!device.has("host")) {
    (void)device.raw("host");
    return {};
  }
  ConfigReader reader = device.object("host");
  Host host;
  const std::vector<std::string_view> known = host_op_names();
  for (std::string& name : names_in(reader, "ops", "host op", known)) {
    host.ops.insert(std::move(name));
  }
  host.bytes_per_cycle = rate(reader, "bytes_per_cycle");
  host.hand_over_cycles = reader.integer("hand_over_cycles", 0, kCycles);
  complain_about_strangers(reader);
  return host;
}

double optional_energy(ConfigReader& reader, std::string_view key) {
  const double value = reader.number(key, 0);
  if (value >= 0 && value <= kMostRate) return value;
  reader.complain(key, "number in [0, 1e+09]", nlohmann::json(value).dump());
  return 0;
}

std::optional<Energy> energy(ConfigReader& device) {
  if (!device.has("energy")) {
    (void)device.raw("energy");
    return std::nullopt;
  }
  ConfigReader reader = device.object("energy");
  Energy energy;
  ConfigReader per_mac = reader.object("per_mac");
  for (size_t i = 0; i < kArithmetics; ++i) {
    energy.per_mac[i] = optional_energy(per_mac, arithmetic_names()[i]);
  }
  complain_about_strangers(per_mac);
  energy.per_vector_element = optional_energy(reader, "per_vector_element");
  energy.per_dram_byte = optional_energy(reader, "per_dram_byte");
  energy.per_on_chip_byte = optional_energy(reader, "per_on_chip_byte");
  complain_about_strangers(reader);
  return energy;
}

}  // namespace

Result<Device> parse_device(std::string_view text, const std::string& origin) {
  EF_TRY(const nlohmann::json json, parse_json(text, origin, kLimits));
  ConfigReader reader(json, origin);
  Device device;
  device.name = printable(reader.string("name"));
  if (reader.has("name") && device.name.empty()) reader.complain("name", "a name", "\"\"");
  device.description = reader.string("description", "");
  std::ranges::replace_if(
      device.description, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  device.clock_mhz = rate(reader, "clock_mhz");
  device.concurrent = reader.boolean("concurrent", true);
  device.hand_over_cycles = reader.integer("hand_over_cycles", 0, kCycles);
  device.tensor = tensor_engines(reader);
  device.vector = vector_engines(reader);
  device.memory = on_chip_memory(reader);
  device.dma = dma(reader);
  device.host = host(reader);
  device.energy = energy(reader);
  complain_about_strangers(reader);
  EF_TRY_STATUS(reader.status());
  return device;
}

}  // namespace edgefusion::npu
