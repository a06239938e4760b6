#include "npu/group_shape.h"

#include <algorithm>

namespace edgefusion::npu {
namespace {

bool has_one_place(const NpuTensor& tensor) {
  return tensor.extent[kLines] == 1 && tensor.extent[kColumns] == 1;
}

Role role_of(const Work& work, const Op& op, const Operand& operand) {
  const bool has_places = !has_one_place(work.tensor(op.output)) || op.kind == OpKind::group_stats;
  return has_places && has_one_place(work.tensor(operand.tensor)) ? Role::vector : Role::tile;
}

bool by_places(const Op& op, const Operand& operand) {
  return operand.reach == Reach::same || operand.reach == Reach::window ||
         op.kind == OpKind::group_stats;
}

/// Whether an op needs more of what the group itself makes than a tile has.
bool needs_all(const Op& op, const Operand& operand, const Work& work) {
  if (op.kind == OpKind::group_stats) return false;
  const Op& producer = work.op(work.tensor(operand.tensor).producer);
  return producer.kind == OpKind::group_stats || operand.reach == Reach::keys ||
         operand.reach == Reach::whole;
}

bool split_attention(const Work& work, OpId first, OpId end) {
  if (end - first == 1) return false;
  const auto inside = [&](OpId id) { return id >= first && id < end; };
  for (OpId id = first; id < end; ++id) {
    const OpKind kind = work.op(id).kind;
    const OpId begin = kind == OpKind::scores    ? id
                       : kind == OpKind::softmax ? id - 1
                       : kind == OpKind::mix     ? id - 2
                                                 : -1;
    if (begin >= 0 && !(inside(begin) && inside(begin + 2))) return true;
  }
  return false;
}

void add_operands(const Work& work, OpId id, GroupShape& shape) {
  const Op& op = work.op(id);
  for (const Operand& operand : op.operands) {
    const int known = shape.index_of(operand.tensor);
    const bool is_inner =
        known >= 0 && shape.tensors[static_cast<size_t>(known)].role == Role::inner;
    if (!is_inner && !by_places(op, operand) && !op.on_host) continue;
    const Role role = role_of(work, op, operand);
    if (known < 0) {
      shape.tensors.push_back({.tensor = operand.tensor, .role = role, .last_user = id});
      continue;
    }
    GroupTensor& tensor = shape.tensors[static_cast<size_t>(known)];
    tensor.last_user = id;
    if (is_inner) {
      shape.one_tile = shape.one_tile || needs_all(op, operand, work);
    } else if (role == Role::tile) {
      tensor.role = role;
    }
  }
}

}  // namespace

const GroupTensor* GroupShape::find(TensorId tensor) const {
  const int index = index_of(tensor);
  return index < 0 ? nullptr : &tensors[static_cast<size_t>(index)];
}

int GroupShape::index_of(TensorId tensor) const {
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].tensor == tensor) return static_cast<int>(i);
  }
  return -1;
}

std::optional<GroupShape> group_shape(const Work& work, OpId first, OpId end) {
  if (split_attention(work, first, end)) return std::nullopt;
  GroupShape shape{.first = first, .end = end};
  for (OpId id = first; id < end; ++id) {
    const Op& op = work.op(id);
    if (op.on_host && end - first > 1) return std::nullopt;
    shape.on_host = op.on_host;
    add_operands(work, id, shape);
    const NpuTensor& made = work.tensor(op.output);
    const bool used_outside =
        std::ranges::any_of(made.users, [&](OpId user) { return user >= end; });
    shape.tensors.push_back({.tensor = op.output,
                             .role = Role::inner,
                             .last_user = id,
                             .leaves = made.is_output || used_outside});
    if (op.kind != OpKind::group_stats) shape.anchor = op.output;
    const bool attends = op.kind == OpKind::scores && end - first >= 3;
    shape.stages.push_back({id, attends ? id + 3 : id + 1});
    if (attends) {
      for (OpId part = id + 1; part < id + 3; ++part) {
        add_operands(work, part, shape);
        shape.tensors.push_back({.tensor = work.op(part).output,
                                 .role = Role::inner,
                                 .last_user = part,
                                 .leaves = false});
      }
      id += 2;
      const NpuTensor& mixed = work.tensor(work.op(id).output);
      shape.anchor = work.op(id).output;
      shape.tensors.back().leaves =
          mixed.is_output ||
          std::ranges::any_of(mixed.users, [&](OpId user) { return user >= end; });
    }
  }
  if (shape.anchor == kNoTensor) shape.anchor = work.op(first).operands.front().tensor;
  return shape;
}

bool is_part(const GroupShape& shape, const Op& op, const Operand& operand) {
  if (by_places(op, operand)) return false;
  const GroupTensor* tensor = shape.find(operand.tensor);
  return tensor == nullptr || tensor->role != Role::inner;
}

int64_t chunk_unit(const Work& work, const Op& op) {
  if (op.kind == OpKind::scores || op.kind == OpKind::softmax) return op.keys;
  if (op.kind == OpKind::mix) return work.tensor(op.output).extent[kChannels] / op.heads;
  return 1;
}

}  // namespace edgefusion::npu
