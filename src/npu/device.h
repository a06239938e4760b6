#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/result.h"

namespace edgefusion::npu {

/// What a matrix op multiplies: both sides of 16 bits, 8-bit weights by 16-bit activations, or 8
/// bits each. Products of two activations (attention) are f16 or w8a8.
enum class Arithmetic : uint8_t { f16, w8a16, w8a8 };
constexpr size_t kArithmetics = 3;
std::string_view to_string(Arithmetic arithmetic);
Result<Arithmetic> parse_arithmetic(std::string_view name);

/// What the vector engines are asked for, each with a rate of its own.
enum class VectorOp : uint8_t {
  add,  ///< sums of two values, also residuals and broadcasts
  mul,
  affine,
  copy,  ///< concat, slice, resize
  relu,
  silu,
  gelu,  ///< also quick_gelu
  tanh,
  geglu,       ///< per element of the result
  softmax,     ///< per score
  rescale,     ///< per element of an accumulator that online softmax corrects
  norm_stats,  ///< sums and squares, per element read
  norm,        ///< applying a norm, per element of the result
};
constexpr size_t kVectorOps = 13;
std::string_view to_string(VectorOp op);

struct TensorEngines {
  int count = 1;
  /// Multiply-accumulates a cycle of one engine; 0: it does not do this arithmetic.
  std::array<double, kArithmetics> macs_per_cycle{};
  /// Share of that rate where both factors are activations (attention): neither lies in the
  /// engine's weight memory beforehand.
  double activation_products = 1.0;
  /// Places, output channels and input channels are rounded up to these.
  int64_t align_rows = 1, align_outputs = 1, align_inputs = 1;
  int64_t setup_cycles = 0;  ///< of each command
  /// What is done to sums on their way out at no cost; the rest is a vector command.
  std::set<VectorOp> fused;
};

struct VectorEngines {
  int count = 1;
  int64_t lanes = 1;
  /// Cycles one lane takes for one element; 0: it does not do this op.
  std::array<double, kVectorOps> cycles{};
  int64_t setup_cycles = 0;
};

struct OnChipMemory {
  int64_t bytes = 0;
  int banks = 1;  ///< equal parts, one after another
  int64_t alignment = 64;
  int64_t bank_bytes() const { return bytes / banks; }
};

struct Dma {
  int channels = 1;
  double bytes_per_cycle = 0;  ///< of one channel
  int64_t setup_cycles = 0;    ///< of each transfer
};

/// The processor beside the NPU, for what the NPU does not do. Its operands come from DRAM.
struct Host {
  std::set<std::string, std::less<>> ops;  ///< names as in host_op_names()
  double bytes_per_cycle = 0;
  int64_t hand_over_cycles = 0;  ///< of each op: to the host and back
};

/// Picojoules; what is not given is not counted.
struct Energy {
  std::array<double, kArithmetics> per_mac{};
  double per_vector_element = 0;
  double per_dram_byte = 0;
  double per_on_chip_byte = 0;
};

/// A described NPU; docs/npu_device.md explains each field. Rates are per cycle of `clock_mhz`.
struct Device {
  std::string name, description;
  double clock_mhz = 0;
  TensorEngines tensor;
  VectorEngines vector;
  OnChipMemory memory;
  Dma dma;
  Host host;
  int64_t hand_over_cycles = 0;  ///< when a command takes what another kind of engine made
  bool concurrent = true;        ///< false: one command at a time, in order
  std::optional<Energy> energy;

  double milliseconds(double cycles) const { return cycles / (clock_mhz * 1e3); }
};

/// What "host"."ops" may name: "embedding", "token_mask", "select_token", "timestep_embedding",
/// "causal_attention", "layer_norm", ...
bool is_host_op_name(std::string_view name);

/// Reads a description. Errors, bad_file, one line naming file, field, expected and found: not
/// JSON, unknown fields (with the nearest), fields missing, rates that are zero or negative, banks
/// that do not divide the memory, unknown ops.
Result<Device> parse_device(std::string_view text, const std::string& origin);
Result<Device> load_device(const std::filesystem::path& path);

/// Those that come along: "exynos-2400", "micro-512k", "large-16m". Errors: unknown, with the list.
Result<Device> builtin_device(std::string_view name);

}  // namespace edgefusion::npu
