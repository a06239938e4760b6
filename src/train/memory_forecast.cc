#include "train/memory_forecast.h"

#include <string>

#include "graph/op_table.h"
#include "models/registry.h"
#include "train/device.h"

namespace edgefusion::train {
namespace {

constexpr int64_t kF32 = 4, kBf16 = 2;
constexpr int64_t kCopies = 4;  // weights, average, gradients, at least one state of the optimiser

std::string gigabytes(int64_t bytes) {
  const int64_t tenths = bytes / 100'000'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GB";
}

}  // namespace

int64_t least_step_bytes(const graph::Graph& graph, const RunConfig& config, bool checkpointing) {
  int64_t bytes = kCopies * kF32 * models::parameter_count(graph);
  if (checkpointing) return bytes;
  for (const graph::Node& node : graph.nodes()) {
    if (graph::node_cost(graph, node).macs == 0) continue;
    bytes += graph.value(node.output).shape.elements() * (config.bf16 ? kBf16 : kF32);
  }
  return bytes;
}

Status check_step_bytes(int64_t least, const RunConfig& config, std::string_view remedies,
                        std::optional<int64_t> available) {
  if (!device_of(config).is_cpu()) return {};
  if (!available || least <= *available) return {};
  return fail(ErrorCode::resource_exhausted,
              "a step of batch " + std::to_string(config.batch) + " needs at least " +
                  gigabytes(least) + " of memory, expected the " + gigabytes(*available) +
                  " that are free; choose " + std::string(remedies));
}

Status check_memory(const graph::Graph& graph, const RunConfig& config, bool checkpointing,
                    std::optional<int64_t> available) {
  const std::string remedies =
      std::string("a smaller \"batch\" (\"accumulate\" makes up for it), ") + "fewer pixels" +
      (checkpointing ? "" : ", or \"activation_checkpointing\"");
  return check_step_bytes(least_step_bytes(graph, config, checkpointing), config, remedies,
                          available);
}

}  // namespace edgefusion::train
