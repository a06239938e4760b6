#pragma once

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include "npu/emit.h"

namespace edgefusion::npu {

/// Each op (or attention) a group of one tile, on a device with memory enough: the run that tiled
/// ones are compared with.
inline Plan untiled_plan(const Work& work) {
  Plan plan;
  for (OpId id = 0; id < static_cast<OpId>(work.ops.size());) {
    const OpId end = work.op(id).kind == OpKind::scores ? id + 3 : id + 1;
    Tiling tiling;
    tiling.items = tiling.lines = tiling.columns = tiling.heads = 1 << 20;
    plan.groups.push_back({id, end, tiling});
    id = end;
  }
  return plan;
}

/// A seeded plan of groups of one to five ops with random tilings, some results resident: whatever
/// the device's memory lets be emitted.
class RandomPlan {
 public:
  RandomPlan(const Device& device, const Work& work, uint32_t seed)
      : device_(device), work_(work), random_(seed), group_of_(work.ops.size(), -1) {
    for (OpId id = 0; id < static_cast<OpId>(work.ops.size());) {
      id = add_group(id);
      if (id < 0) return;
    }
    is_complete_ = true;
    add_residences();
  }

  /// False where some op fits with no tiling that was tried.
  bool is_complete() const { return is_complete_; }
  const Plan& plan() const { return plan_; }
  /// Whether sums are made in the order of an untiled run.
  bool keeps_order() const { return keeps_order_; }
  size_t tiles() const { return tiles_; }

 private:
  int64_t pick(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  bool chance(int one_in) { return pick(1, one_in) == 1; }

  Tiling any_tiling(const GroupShape& shape, bool easy) {
    const Box anchor = work_.tensor(shape.anchor).box();
    Tiling tiling;
    const auto part_of = [&](Axis axis) {
      return easy && !shape.one_tile ? 1 : chance(3) ? anchor.end[axis] : pick(1, anchor.end[axis]);
    };
    tiling.items = part_of(kBatch);
    tiling.lines = part_of(kLines);
    tiling.columns = part_of(kColumns);
    if (shape.one_tile) {
      tiling.items = anchor.end[kBatch];
      tiling.lines = anchor.end[kLines];
      tiling.columns = anchor.end[kColumns];
    }
    tiling.part_bytes = chance(3) && !easy ? 0 : pick(1, 512);
    tiling.double_buffered = !easy && chance(2);
    tiling.parts_outer =
        shape.stages.size() == 1 && work_.op(shape.end - 1).is_matrix() && chance(3);
    for (OpId id = shape.first; id < shape.end; ++id) {
      const Op& op = work_.op(id);
      if (op.kind == OpKind::scores) {
        tiling.heads = chance(2) ? 1 : pick(1, op.heads);
        if ((chance(2) || easy) && shape.end - shape.first >= 3) {
          tiling.heads = 1;
          tiling.key_block = any_key_block(op);
          tiling.online = chance(2);
        }
      }
      if (!easy && chance(3)) tiling.held.push_back(id);
    }
    return tiling;
  }

  // Whole lines of keys, or an equal part of one: others are no boxes.
  int64_t any_key_block(const Op& scores) {
    const NpuTensor& keys = work_.tensor(scores.operands[1].tensor);
    if (chance(3)) return keys.extent[kColumns] % 2 == 0 ? keys.extent[kColumns] / 2 : 1;
    return keys.extent[kColumns] * pick(1, keys.extent[kLines]);
  }

  std::optional<Tiling> find_tiling(const GroupShape& shape) {
    for (int attempt = 0; attempt < 12; ++attempt) {
      const Tiling tiling = any_tiling(shape, attempt > 7);
      Schedule scratch;
      const GroupSetting setting = {.shape = &shape,
                                    .tiling = tiling,
                                    .group = 0,
                                    .residents = {},
                                    .memory_limit = device_.memory.bytes};
      const auto emitted = emit_group(device_, work_, setting, scratch);
      if (!emitted) continue;
      tiles_ += emitted->total;
      note_order(shape, tiling, emitted->total);
      return tiling;
    }
    return std::nullopt;
  }

  void note_order(const GroupShape& shape, const Tiling& tiling, size_t tiles) {
    for (OpId id = shape.first; id < shape.end; ++id) {
      const OpKind kind = work_.op(id).kind;
      if (kind == OpKind::scores && tiling.key_block > 0) keeps_order_ = false;
      if (kind == OpKind::group_stats && tiles > 1) keeps_order_ = false;
    }
  }

  OpId add_group(OpId first) {
    const auto count = static_cast<OpId>(work_.ops.size());
    for (OpId end = std::min<OpId>(count, first + static_cast<OpId>(pick(1, 5))); end > first;
         --end) {
      const std::optional<GroupShape> shape = group_shape(work_, first, end);
      if (!shape) continue;
      const std::optional<Tiling> tiling = find_tiling(*shape);
      if (!tiling) continue;
      for (OpId id = first; id < end; ++id) {
        group_of_[static_cast<size_t>(id)] = static_cast<int>(plan_.groups.size());
      }
      plan_.groups.push_back({first, end, *tiling});
      return end;
    }
    return -1;
  }

  // From the top of memory down; kept only if everything else still finds its place.
  void add_residences() {
    int64_t top = device_.memory.bytes;
    for (size_t id = 0; id < work_.tensors.size(); ++id) {
      const NpuTensor& tensor = work_.tensors[id];
      if (tensor.producer < 0 || tensor.users.empty() || !chance(4)) continue;
      const Op& producer = work_.op(tensor.producer);
      if (producer.on_host || static_cast<TensorId>(id) != producer.output) continue;
      const int first = group_of_[static_cast<size_t>(tensor.producer)];
      const int last =
          group_of_[static_cast<size_t>(chance(4) ? tensor.users.front() : tensor.users.back())];
      const int64_t offset = (top - tensor.bytes()) / 64 * 64;
      if (offset < 0 || last == first) continue;
      plan_.residences.push_back({static_cast<TensorId>(id), first, last, offset});
      if (emit_plan(device_, work_, plan_)) {
        top = offset;
      } else {
        plan_.residences.pop_back();
      }
    }
  }

  const Device& device_;
  const Work& work_;
  std::mt19937 random_;
  std::vector<int> group_of_;
  Plan plan_;
  bool is_complete_ = false, keeps_order_ = true;
  size_t tiles_ = 0;
};

}  // namespace edgefusion::npu
