#include "npu/group_shape.h"
#include "npu/search.h"
#include "npu/tiling_choice.h"

namespace edgefusion::npu {

Result<Plan> op_by_op(const Device& device, const Work& work) {
  Plan plan;
  const GroupPlace place{
      .resident_slots = {}, .residents = {}, .memory_limit = device.memory.bytes};
  for (OpId id = 0; id < static_cast<OpId>(work.ops.size()); ++id) {
    const auto shape = group_shape(work, id, id + 1);
    const auto choice = choose_tiling(device, work, *shape, place);
    if (!choice) return no_tiling_fits(device, work, id);
    plan.groups.push_back({id, id + 1, choice->tiling});
  }
  return plan;
}

}  // namespace edgefusion::npu
