#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "npu/device.h"
#include "npu/schedule.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// A device in round numbers: f16 16, w8a16 32, w8a8 64 MACs a cycle, 4 lanes of 1 cycle, 8 bytes a
/// cycle, 1 KiB in 4 banks; nothing is rounded up, sets up or is handed over.
inline Device small_device() {
  Device device;
  device.name = "small";
  device.clock_mhz = 1;
  device.tensor.macs_per_cycle = {16, 32, 64};
  device.vector.lanes = 4;
  device.vector.cycles.fill(1);
  device.memory = {.bytes = 1024, .banks = 4, .alignment = 16};
  device.dma.bytes_per_cycle = 8;
  device.host.bytes_per_cycle = 4;
  return device;
}

/// Work put together by hand, without a graph.
struct SmallWork {
  Work work;

  using Extent = std::array<int64_t, kAxes>;

  TensorId tensor(std::string name, const Extent& extent, TensorKind kind = TensorKind::activation,
                  int bits = 16) {
    work.tensors.push_back({.name = std::move(name), .extent = extent, .kind = kind, .bits = bits});
    return static_cast<TensorId>(work.tensors.size()) - 1;
  }

  /// Fills in what follows from the operands: name, producer, users.
  OpId op(Op op) {
    const auto id = static_cast<OpId>(work.ops.size());
    NpuTensor& output = work.tensors[static_cast<size_t>(op.output)];
    output.producer = id;
    op.name = output.name;
    for (const Operand& operand : op.operands) {
      work.tensors[static_cast<size_t>(operand.tensor)].users.push_back(id);
    }
    work.ops.push_back(std::move(op));
    return id;
  }

  /// x [N,H,W,inputs] times weight [1,outputs,1,inputs].
  OpId linear(TensorId x, TensorId weight, TensorId out, Arithmetic arithmetic = Arithmetic::f16) {
    Op made;
    made.kind = OpKind::linear;
    made.graph_op = graph::OpKind::linear;
    made.operands = {{x, 0, Reach::same, 0, work.tensor(x).extent[kChannels]},
                     {weight, 1, Reach::outputs, 0, 0}};
    made.output = out;
    made.arithmetic = arithmetic;
    return op(std::move(made));
  }

  OpId pointwise(TensorId x, TensorId out, VectorOp what = VectorOp::silu) {
    Op made;
    made.kind = OpKind::pointwise;
    made.graph_op = graph::OpKind::activation;
    made.operands = {{x, 0, Reach::same, 0, 0}};
    made.output = out;
    made.vector_op = what;
    return op(std::move(made));
  }

  OpId on_host(TensorId x, TensorId out) {
    Op made;
    made.kind = OpKind::other;
    made.graph_op = graph::OpKind::embedding;
    made.operands = {{x, 0, Reach::whole, 0, 0}};
    made.output = out;
    made.on_host = true;
    return op(std::move(made));
  }
};

/// An access of a content that `box` fills, or of a part of one.
inline Access at(int slot, TensorId tensor, const Box& box) { return {slot, tensor, box, box}; }
inline Access part(int slot, TensorId tensor, const Box& held, const Box& box) {
  return {slot, tensor, held, box};
}

/// A schedule put together by hand.
struct SmallSchedule {
  Schedule schedule;
  int group = 0;

  int slot(int64_t bytes, int64_t offset) {
    schedule.slots.push_back({.bytes = bytes, .offset = offset});
    return static_cast<int>(schedule.slots.size()) - 1;
  }

  size_t add(Command command) {
    command.group = group;
    schedule.groups = std::max(schedule.groups, group + 1);
    schedule.commands.push_back(std::move(command));
    return schedule.commands.size() - 1;
  }
  size_t load(const Access& to) {
    return add({.action = Action::load,
                .out = to.box,
                .reads = {at(kDram, to.tensor, to.box)},
                .writes = {to}});
  }
  size_t store(const Access& from) {
    return add({.action = Action::store,
                .out = from.box,
                .reads = {from},
                .writes = {at(kDram, from.tensor, from.box)}});
  }
  size_t compute(OpId op, std::vector<Access> reads, const Access& write, Part part = Part::all) {
    return add({.action = Action::compute,
                .op = op,
                .part = part,
                .out = write.box,
                .reads = std::move(reads),
                .writes = {write}});
  }
  size_t host(OpId op, std::vector<Access> reads, const Access& write) {
    return add({.action = Action::host,
                .op = op,
                .out = write.box,
                .reads = std::move(reads),
                .writes = {write}});
  }
};

/// Lines [from, to) of one item, all `channels` channels.
inline Box lines(int64_t from, int64_t to, int64_t channels, int64_t columns = 1) {
  return {{0, from, 0, 0}, {1, to, columns, channels}};
}

}  // namespace edgefusion::npu
