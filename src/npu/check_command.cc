#include "npu/check_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "graph/op_table.h"
#include "npu/box_set.h"
#include "npu/epilogue_ops.h"
#include "npu/slot_contents.h"

namespace edgefusion::npu {
namespace {

tl::unexpected<Error> refuse(std::string text) {
  return fail(ErrorCode::invalid_argument, std::move(text));
}

bool is_within(const Box& box, const NpuTensor& tensor) { return tensor.box().contains(box); }

/// Operands whose every element is read where, or later than where, the result has it: the result
/// may lie on them.
bool may_lie_on(const Op& op, size_t operand) {
  if (op.kind == OpKind::pointwise) return op.graph_op != graph::OpKind::concat;
  return operand == 0 && (op.kind == OpKind::softmax || op.kind == OpKind::group_apply);
}

}  // namespace

/// Indices and boxes; nothing of what is held.
Status CommandChecker::check_access(const Command& command, const Access& access) const {
  if (!is_tensor(access.tensor)) return refuse(fmt::format("there is no tensor {}", access.tensor));
  const NpuTensor& tensor = work_.tensor(access.tensor);
  if (is_empty(access.box) || !is_within(access.box, tensor)) {
    return refuse(fmt::format("part {} of {} {}", access.box.to_string(), tensor.name,
                              tensor.box().to_string()));
  }
  if (access.slot == kDram) return {};
  if (access.slot < 0 || static_cast<size_t>(access.slot) >= schedule_.slots.size()) {
    return refuse(fmt::format("there is no slot {}", access.slot));
  }
  const Slot& held_by = slot(access.slot);
  if (!is_within(access.held, tensor) || !access.held.contains(access.box)) {
    return refuse(fmt::format("part {} of {} held {} of {}", access.box.to_string(), tensor.name,
                              access.held.to_string(), tensor.box().to_string()));
  }
  if (tensor.bytes(access.held) > held_by.bytes) {
    return refuse(fmt::format("{} of {} takes {} bytes, {} has {}", access.held.to_string(),
                              tensor.name, tensor.bytes(access.held),
                              name_of(schedule_, access.slot), held_by.bytes));
  }
  if (command.group < held_by.first_group || command.group > held_by.last_group) {
    return refuse(fmt::format("{} is of groups {} to {}", name_of(schedule_, access.slot),
                              held_by.first_group, held_by.last_group));
  }
  return {};
}

/// One read, one write, of the same elements.
Status CommandChecker::check_transfer(const Command& command) const {
  if (command.reads.size() != 1 || command.writes.size() != 1) {
    return refuse(fmt::format("{} reads and {} writes, expected one each", command.reads.size(),
                              command.writes.size()));
  }
  const Access &from = command.reads[0], &to = command.writes[0];
  EF_TRY_STATUS(check_access(command, from));
  EF_TRY_STATUS(check_access(command, to));
  const bool loads = command.action == Action::load;
  if ((from.slot == kDram) != loads || (to.slot == kDram) == loads) {
    return refuse(loads ? "a load goes from DRAM to a slot" : "a store goes from a slot to DRAM");
  }
  if (from.tensor != to.tensor || from.box != to.box || from.box != command.out) {
    return refuse(fmt::format("moves {} of {} to {} of {}", from.box.to_string(),
                              work_.tensor(from.tensor).name, to.box.to_string(),
                              work_.tensor(to.tensor).name));
  }
  return {};
}

Status CommandChecker::check_vector_rate(VectorOp op) const {
  if (device_.vector.count > 0 && device_.vector.cycles[static_cast<size_t>(op)] > 0) return {};
  return refuse(fmt::format("the vector engines of {} do no {}", device_.name, to_string(op)));
}

/// What is done to sums on their way out.
Status CommandChecker::check_epilogue(const Op& op) const {
  const auto* conv = std::get_if<graph::Conv2dAttrs>(&op.attrs);
  const auto* linear = std::get_if<graph::LinearAttrs>(&op.attrs);
  if (conv == nullptr && linear == nullptr) return {};
  const graph::Epilogue& epilogue = conv != nullptr ? conv->epilogue : linear->epilogue;
  const int residual = conv != nullptr ? static_cast<int>(graph::ConvSlots::residual)
                                       : static_cast<int>(graph::LinearSlots::residual);
  std::vector<VectorOp> asked;
  if (epilogue.geglu) asked.push_back(VectorOp::geglu);
  if (epilogue.activation != Activation::none) asked.push_back(vector_op_of(epilogue.activation));
  if (std::ranges::count(op.operands, residual, &Operand::slot) > 0) asked.push_back(VectorOp::add);
  for (const VectorOp fused : asked) {
    if (device_.tensor.fused.contains(fused)) continue;
    return refuse(fmt::format("the tensor engines of {} do no {} on the way out", device_.name,
                              to_string(fused)));
  }
  return {};
}

Status CommandChecker::check_engine(const Command& command, const Op& op) const {
  const bool by_host = command.action == Action::host;
  if (op.on_host != by_host) {
    return refuse(op.on_host ? "the host does it, not the NPU" : "the NPU does it, not the host");
  }
  if (by_host) {
    if (command.part != Part::all) return refuse("the host does an op at once");
    std::string_view name = graph::op_info(op.graph_op).name;
    const auto* attention = std::get_if<graph::AttentionAttrs>(&op.attrs);
    const bool is_named =
        device_.host.ops.contains(name) || (attention != nullptr && attention->causal &&
                                            device_.host.ops.contains("causal_attention"));
    if (is_named) return {};
    return refuse(fmt::format("the host of {} does no {}", device_.name, name));
  }
  if (op.kind == OpKind::other) return refuse("only a host does it");
  if (corrects_sums(command)) return check_vector_rate(VectorOp::rescale);
  if (!op.is_matrix()) {
    EF_TRY_STATUS(check_vector_rate(op.vector_op));
    return op.then ? check_vector_rate(*op.then) : Status{};
  }
  const bool has_rate = device_.tensor.count > 0 &&
                        device_.tensor.macs_per_cycle[static_cast<size_t>(op.arithmetic)] > 0;
  if (has_rate) return check_epilogue(op);
  return refuse(
      fmt::format("the tensor engines of {} do no {}", device_.name, to_string(op.arithmetic)));
}

Status CommandChecker::check_part(const Command& command, const Op& op) const {
  switch (command.part) {
    case Part::all:
      break;
    case Part::first:
    case Part::more:
      if (op.kind == OpKind::group_stats || op.kind == OpKind::softmax || op.kind == OpKind::mix) {
        break;
      }
      return refuse("an op that does not sum over its tiles cannot go on");
    case Part::rescale:
    case Part::finish:
      if (op.kind == OpKind::mix) break;
      return refuse("only sums of an attention are rescaled and finished");
    default:
      return refuse("is no known part");
  }
  const NpuTensor& result = work_.tensor(op.output);
  if (is_empty(command.out) || !is_within(command.out, result)) {
    return refuse(fmt::format("part {} of {} {}", command.out.to_string(), result.name,
                              result.box().to_string()));
  }
  const Box& out = command.out;
  if (op.kind == OpKind::group_stats &&
      !out.contains(result.box().with(kBatch, out.begin[kBatch], out.end[kBatch]))) {
    return refuse("statistics of some groups alone");
  }
  if (op.kind == OpKind::softmax && command.part == Part::all &&
      (out.begin[kChannels] % op.keys != 0 || out.end[kChannels] % op.keys != 0)) {
    return refuse(fmt::format("a softmax of some of the {} keys alone", op.keys));
  }
  return {};
}

/// A result may not destroy what its command still reads.
Status CommandChecker::check_overwriting(const Command& command, const Op& op,
                                         const Access& write) const {
  const Slot& to = slot(write.slot);
  for (size_t i = 0; i < command.reads.size(); ++i) {
    const Access& read = command.reads[i];
    if (is_empty(read.box) || read.slot == kDram) continue;
    const Slot& from = slot(read.slot);
    if (from.offset + from.bytes <= to.offset || to.offset + to.bytes <= from.offset) continue;
    if (read.slot == write.slot && read.tensor == write.tensor && read.held == write.held) continue;
    // In order, no element is written before the one that lay there was read.
    const bool in_place = read.slot == write.slot && may_lie_on(op, i) &&
                          work_.tensor(write.tensor).bits <= work_.tensor(read.tensor).bits &&
                          read.held.contains(write.held);
    if (in_place) continue;
    return refuse(fmt::format("writes {} over {}, which it reads", name_of(schedule_, write.slot),
                              name_of(schedule_, read.slot)));
  }
  return {};
}

}  // namespace edgefusion::npu
