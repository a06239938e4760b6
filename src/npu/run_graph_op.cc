#include <algorithm>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "graph/op_table.h"
#include "npu/run_op.h"

namespace edgefusion::npu {
namespace {

using GraphOp = graph::OpKind;

int64_t rows_of(const Box& box) { return box.places(); }

/// What lies in one slot of the graph's node: one operand, or two of a gated layer.
struct SlotValues {
  Box box;  ///< of the first
  TensorId tensor = kNoTensor;
  std::vector<float> values;
  int64_t lines = 0;     ///< of a weight
  int64_t channels = 0;  ///< of a place
};

/// The second half of a gated value goes beside the first, place by place.
void append_channels(SlotValues& slot, const Dense& part) {
  const int64_t rows = rows_of(part.box), width = part.box.extent(kChannels);
  std::vector<float> joined;
  joined.reserve(slot.values.size() + part.values.size());
  for (int64_t r = 0; r < rows; ++r) {
    const float* first = slot.values.data() + r * slot.channels;
    const float* second = part.values.data() + r * width;
    joined.insert(joined.end(), first, first + slot.channels);
    joined.insert(joined.end(), second, second + width);
  }
  slot.values = std::move(joined);
  slot.channels += width;
}

/// A value of fewer places or channels, repeated for every one of `out`.
Dense repeated(const Dense& value, const Box& out) {
  Dense result(out);
  const auto place = [&](Axis axis, int64_t at) {
    return value.box.extent(axis) == 1 ? value.box.begin[axis] : at;
  };
  const bool one_channel = value.box.extent(kChannels) == 1;
  for_each_place(out, [&](int64_t n, int64_t line, int64_t column) {
    const float* src = value.at(place(kBatch, n), place(kLines, line), place(kColumns, column));
    float* dst = result.at(n, line, column);
    for (int64_t c = 0; c < out.extent(kChannels); ++c) dst[c] = src[one_channel ? 0 : c];
  });
  return result;
}

std::map<int, SlotValues> slots_of(const OpRun& run) {
  const bool is_binary = run.op.graph_op == GraphOp::add || run.op.graph_op == GraphOp::mul;
  std::map<int, SlotValues> slots;
  for (size_t i = 0; i < run.op.operands.size(); ++i) {
    const Operand& operand = run.op.operands[i];
    Dense part = run.operand(i, run.command.out);
    if (is_binary) part = repeated(part, run.command.out);
    const auto [found, is_new] = slots.try_emplace(operand.slot);
    SlotValues& slot = found->second;
    if (is_new) {
      slot = {part.box, operand.tensor, std::move(part.values), part.box.extent(kLines),
              part.box.extent(kChannels)};
    } else if (operand.reach == Reach::outputs) {
      slot.values.insert(slot.values.end(), part.values.begin(), part.values.end());
      slot.lines += part.box.extent(kLines);
    } else {
      append_channels(slot, part);
    }
  }
  return slots;
}

bool is_weight_slot(GraphOp op, int slot) {
  return (op == GraphOp::conv2d && slot == graph::ConvSlots::weight) ||
         (op == GraphOp::linear && slot == graph::LinearSlots::weight);
}

bool is_vector_slot(GraphOp op, int slot) {
  return (op == GraphOp::conv2d && slot == graph::ConvSlots::bias) ||
         (op == GraphOp::linear && slot == graph::LinearSlots::bias) ||
         (op == GraphOp::layer_norm && slot != graph::NormSlots::x);
}

/// The shape the reference formula sees.
Shape shape_of(const OpRun& run, int slot, const SlotValues& values) {
  const GraphOp op = run.op.graph_op;
  const Box& box = values.box;
  if (is_weight_slot(op, slot)) {
    Shape shape = run.work.graph->value(run.work.tensor(values.tensor).value).shape;
    shape.set(0, values.lines);
    return shape;
  }
  if (is_vector_slot(op, slot)) return {static_cast<int64_t>(values.values.size())};
  if (op == GraphOp::conv2d && slot == graph::ConvSlots::image_add) {
    return {box.extent(kBatch), box.extent(kChannels)};
  }
  if (op == GraphOp::conv2d) {
    return {box.extent(kBatch), box.extent(kLines), box.extent(kColumns), box.extent(kChannels)};
  }
  return {rows_of(box), values.channels};
}

/// Paddings of a part: the convolution's, seen from where the part of x begins. Negative where that
/// is before the window's first place.
graph::Attrs conv_attrs(const OpRun& run) {
  auto attrs = std::get<graph::Conv2dAttrs>(run.op.attrs);
  const Box x = needed(run.work, run.op, 0, run.command.out);
  const int64_t enlarge = attrs.upsample2x ? 2 : 1;
  const auto seen = [&](int pad, Axis axis) {
    return static_cast<int>(pad - run.command.out.begin[axis] * attrs.stride +
                            x.begin[axis] * enlarge);
  };
  attrs.pad_top = seen(attrs.pad_top, kLines);
  attrs.pad_left = seen(attrs.pad_left, kColumns);
  return attrs;
}

Dense resized(const OpRun& run) {
  const Box& out = run.command.out;
  const auto& in_extent = run.work.tensor(run.op.operands[0].tensor).extent;
  const auto& out_extent = run.work.tensor(run.op.output).extent;
  const Dense x = run.operand(0, out);
  Dense result(out);
  for_each_place(out, [&](int64_t n, int64_t line, int64_t column) {
    const float* src = x.at(n, line * in_extent[kLines] / out_extent[kLines],
                            column * in_extent[kColumns] / out_extent[kColumns]);
    std::copy_n(src, out.extent(kChannels), result.at(n, line, column));
  });
  return result;
}

Dense joined(const OpRun& run) {
  SlotValues all;
  for (size_t i = 0; i < run.op.operands.size(); ++i) {
    const Dense part = run.operand(i, run.command.out);
    if (part.box.empty()) continue;
    if (all.values.empty()) {
      all = {part.box, kNoTensor, part.values, 0, part.box.extent(kChannels)};
    } else {
      append_channels(all, part);
    }
  }
  Dense result(run.command.out);
  result.values = std::move(all.values);
  return result;
}

/// The graph's node on whole tensors: DRAM's own, of which ids are the bits of integers.
Dense on_host(const OpRun& run) {
  const graph::Graph& graph = *run.work.graph;
  const graph::Node& node = graph.node(run.op.node);
  std::vector<ConstTensorView> views(node.inputs.size());
  for (const Operand& operand : run.op.operands) {
    const graph::Value& value = graph.value(node.input(static_cast<size_t>(operand.slot)));
    const std::vector<float>& values = run.memory.dram(operand.tensor);
    views[static_cast<size_t>(operand.slot)] = {reinterpret_cast<const std::byte*>(values.data()),
                                                value.shape, value.dtype};
  }
  const graph::Value& output = graph.value(node.output);
  Dense result(run.work.tensor(run.op.output).box());
  EF_CHECK(size_of(output.dtype) == sizeof(float) &&
               output.shape.elements() == static_cast<int64_t>(result.values.size()),
           output.name + " has another type or size");
  graph::op_info(run.op.graph_op)
      .evaluate(run.op.attrs, views,
                {reinterpret_cast<std::byte*>(result.values.data()), output.shape, output.dtype});
  return result;
}

Dense evaluated(const OpRun& run) {
  const GraphOp op = run.op.graph_op;
  const Box& out = run.command.out;
  const std::map<int, SlotValues> slots = slots_of(run);
  std::vector<ConstTensorView> views(static_cast<size_t>(slots.rbegin()->first) + 1);
  for (const auto& [slot, values] : slots) {
    views[static_cast<size_t>(slot)] = {reinterpret_cast<const std::byte*>(values.values.data()),
                                        shape_of(run, slot, values), DType::f32};
  }
  const Shape shape = op == GraphOp::conv2d ? Shape{out.extent(kBatch), out.extent(kLines),
                                                    out.extent(kColumns), out.extent(kChannels)}
                                            : Shape{rows_of(out), out.extent(kChannels)};
  Dense result(out);
  graph::op_info(op).evaluate(
      op == GraphOp::conv2d ? conv_attrs(run) : run.op.attrs, views,
      {reinterpret_cast<std::byte*>(result.values.data()), shape, DType::f32});
  return result;
}

Dense result_of(const OpRun& run) {
  if (run.op.kind == OpKind::other) return on_host(run);
  switch (run.op.graph_op) {
    case GraphOp::resize_nearest:
      return resized(run);
    case GraphOp::concat:
    case GraphOp::slice:
      return joined(run);
    default:
      return evaluated(run);
  }
}

}  // namespace

Dense OpRun::operand(size_t index, const Box& out) const {
  const Box part = needed(work, op, index, out);
  if (part.empty()) return Dense(part);
  return memory.read(command.reads[index], part);
}

void run_graph_op(const OpRun& run) {
  Dense result = result_of(run);
  if (run.op.kind == OpKind::other && result.box != run.command.out) {
    Dense part(run.command.out);
    for_each_place(part.box, [&](int64_t n, int64_t line, int64_t column) {
      const float* src = result.at(n, line, column) + part.box.begin[kChannels];
      std::copy_n(src, part.box.extent(kChannels), part.at(n, line, column));
    });
    result = std::move(part);
  }
  run.memory.write(run.command.writes[0], result);
}

}  // namespace edgefusion::npu
