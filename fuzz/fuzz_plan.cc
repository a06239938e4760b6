// links: npu core
// Any bytes as a plan: refused with one line, or one that can be tried on any network of as many
// ops: its groups become commands that are right, or an error.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "npu/emit.h"
#include "npu/plan_file.h"
#include "npu/testing/given_device.h"
#include "npu/testing/small_work.h"
#include "npu/verify.h"

namespace {

using namespace edgefusion;

/// x -> linear -> silu -> linear, of 8 lines, 4 columns and 8 channels.
npu::Work small_network() {
  npu::SmallWork made;
  const npu::TensorId x = made.tensor("x", {1, 8, 4, 8}, npu::TensorKind::input);
  const npu::TensorId w0 = made.tensor("w0", {1, 16, 1, 8}, npu::TensorKind::weight);
  const npu::TensorId a = made.tensor("a", {1, 8, 4, 16});
  const npu::TensorId b = made.tensor("b", {1, 8, 4, 16});
  const npu::TensorId w1 = made.tensor("w1", {1, 8, 1, 16}, npu::TensorKind::weight);
  const npu::TensorId y = made.tensor("y", {1, 8, 4, 8});
  made.linear(x, w0, a);
  made.pointwise(a, b);
  made.linear(b, w1, y);
  made.work.tensors[static_cast<size_t>(y)].is_output = true;
  made.work.name = "net";
  return made.work;
}

void try_plan(const npu::PlannedNetwork& network) {
  static const npu::Work work = small_network();
  const npu::Device device = npu::given_device(1 << 14);
  if (network.groups.back().group.end != static_cast<npu::OpId>(work.ops.size())) return;
  npu::Plan plan;
  for (const npu::PlannedGroup& group : network.groups) plan.groups.push_back(group.group);
  const auto schedule = npu::emit_plan(device, work, plan);
  if (!schedule) return;
  const Status status = npu::verify(device, work, *schedule);
  EF_CHECK(status.has_value(), "a schedule that is wrong");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = npu::parse_plan(text, "plan.json");
  if (!file) {
    EF_CHECK(file.error().message().find('\n') == std::string::npos, "message of several lines");
    return 0;
  }
  const auto again = npu::parse_plan(npu::to_json(*file), "again.json");
  EF_CHECK(again.has_value(), "a plan that cannot be read again");
  for (const npu::PlannedNetwork& network : file->networks) try_plan(network);
  return 0;
}
