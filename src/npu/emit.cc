#include "npu/emit.h"

#include <algorithm>
#include <string>

#include "npu/group_emitter.h"

namespace edgefusion::npu {
namespace {

/// Group of each op.
std::vector<int> groups_of(const Work& work, const Plan& plan) {
  std::vector<int> groups(work.ops.size(), -1);
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    for (OpId id = plan.groups[g].first; id < plan.groups[g].end; ++id) {
      groups[static_cast<size_t>(id)] = static_cast<int>(g);
    }
  }
  return groups;
}

/// Somebody reads it from DRAM: a user after it has left the chip, the host, or the caller.
bool is_stored(const Work& work, const Residence& residence, const std::vector<int>& group_of) {
  const NpuTensor& tensor = work.tensor(residence.tensor);
  return tensor.is_output || std::ranges::any_of(tensor.users, [&](OpId user) {
           return work.op(user).on_host ||
                  group_of[static_cast<size_t>(user)] > residence.last_group;
         });
}

std::vector<Resident> residents_of(const Work& work, const Plan& plan, int group,
                                   const std::vector<int>& group_of) {
  std::vector<Resident> residents;
  for (size_t i = 0; i < plan.residences.size(); ++i) {
    const Residence& residence = plan.residences[i];
    if (group < residence.first_group || group > residence.last_group) continue;
    residents.push_back(
        {residence.tensor, static_cast<int>(i), is_stored(work, residence, group_of)});
  }
  return residents;
}

/// What lies below all that stays, in whole banks.
int64_t free_below(const Device& device, const Plan& plan, int group) {
  int64_t limit = device.memory.bytes;
  for (const Residence& residence : plan.residences) {
    if (group < residence.first_group || group > residence.last_group) continue;
    limit = std::min(limit, residence.offset);
  }
  return limit / device.memory.bank_bytes() * device.memory.bank_bytes();
}

}  // namespace

Result<GroupTiles> emit_group(const Device& device, const Work& work, const GroupSetting& setting,
                              Schedule& schedule) {
  return GroupEmitter(device, work, setting, schedule).emit();
}

Result<Schedule> emit_plan(const Device& device, const Work& work, const Plan& plan) {
  Schedule schedule;
  schedule.groups = static_cast<int>(plan.groups.size());
  const std::vector<int> group_of = groups_of(work, plan);
  for (const Residence& residence : plan.residences) {
    schedule.slots.push_back({.label = work.tensor(residence.tensor).name,
                              .bytes = work.tensor(residence.tensor).bytes(),
                              .offset = residence.offset,
                              .first_group = residence.first_group,
                              .last_group = residence.last_group,
                              .first_step = 0,
                              .last_step = 0,
                              .streamed = false});
  }
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    const Group& group = plan.groups[g];
    const std::optional<GroupShape> shape = group_shape(work, group.first, group.end);
    const int index = static_cast<int>(g);
    if (!shape) {
      return fail(ErrorCode::invalid_argument, "group " + std::to_string(g) + " from " +
                                                   work.op(group.first).name +
                                                   " on: ops that cannot run together");
    }
    const GroupSetting setting = {.shape = &*shape,
                                  .tiling = group.tiling,
                                  .group = index,
                                  .residents = residents_of(work, plan, index, group_of),
                                  .memory_limit = free_below(device, plan, index)};
    auto emitted = emit_group(device, work, setting, schedule);
    if (!emitted) {
      return tl::unexpected(std::move(emitted.error())
                                .with_context("group " + std::to_string(g) + " from " +
                                              work.op(group.first).name + " on"));
    }
  }
  return schedule;
}

}  // namespace edgefusion::npu
