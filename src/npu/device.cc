#include "npu/device.h"

#include <algorithm>
#include <vector>

#include "core/mapped_file.h"
#include "core/nearest_name.h"
#include "graph/op_table.h"
#include "npu/builtin_devices.h"
#include "npu/device_names.h"

namespace edgefusion::npu {
namespace {

constexpr size_t kMostBytes = size_t{1} << 20;  // of a description

constexpr std::array<std::string_view, kArithmetics> kArithmeticNames = {"f16", "w8a16", "w8a8"};

constexpr std::array<std::string_view, kVectorOps> kVectorOpNames = {
    "add",  "mul",   "affine",  "copy",    "relu",       "silu", "gelu",
    "tanh", "geglu", "softmax", "rescale", "norm_stats", "norm"};

// Sources are no work, and reshapes are no tensors of their own.
bool is_work(graph::OpKind op) {
  using graph::OpKind;
  return op != OpKind::input && op != OpKind::weight && op != OpKind::constant &&
         op != OpKind::reshape && op != OpKind::convert;
}

}  // namespace

std::span<const std::string_view> arithmetic_names() { return kArithmeticNames; }
std::span<const std::string_view> vector_op_names() { return kVectorOpNames; }

std::vector<std::string_view> host_op_names() {
  std::vector<std::string_view> names = {"causal_attention"};
  for (const graph::OpInfo& op : graph::op_table()) {
    if (is_work(op.kind)) names.push_back(op.name);
  }
  return names;
}

std::string_view to_string(Arithmetic arithmetic) {
  return kArithmeticNames[static_cast<size_t>(arithmetic)];
}

std::string_view to_string(VectorOp op) { return kVectorOpNames[static_cast<size_t>(op)]; }

Result<Arithmetic> parse_arithmetic(std::string_view name) {
  const auto found = std::ranges::find(kArithmeticNames, name);
  if (found == kArithmeticNames.end()) {
    return fail(ErrorCode::invalid_argument,
                unknown_name_message("arithmetic", name, kArithmeticNames));
  }
  return static_cast<Arithmetic>(found - kArithmeticNames.begin());
}

bool is_host_op_name(std::string_view name) {
  return std::ranges::count(host_op_names(), name) != 0;
}

Result<Device> load_device(const std::filesystem::path& path) {
  EF_TRY(const std::string text, read_text_file(path, kMostBytes));
  return parse_device(text, path.string());
}

Result<Device> builtin_device(std::string_view name) {
  std::vector<std::string_view> known;
  for (const BuiltinDevice& device : builtin_devices()) {
    if (device.name == name) return parse_device(device.json, std::string(name) + ".json");
    known.push_back(device.name);
  }
  return fail(ErrorCode::invalid_argument, unknown_name_message("device", name, known));
}

}  // namespace edgefusion::npu
