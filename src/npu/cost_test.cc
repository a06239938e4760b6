#include "npu/cost.h"

#include <gtest/gtest.h>

#include <cmath>

#include "npu/testing/small_work.h"

namespace edgefusion::npu {
namespace {

/// A part of a result, of all of its operands, on the chip.
Command on_chip(const Work& work, OpId op, const Box& out, Part part = Part::all) {
  Command command{.op = op, .part = part, .out = out};
  for (size_t i = 0; i < work.op(op).operands.size(); ++i) {
    command.reads.push_back(
        at(0, work.op(op).operands[i].tensor, needed(work, work.op(op), i, out)));
  }
  command.writes.push_back(at(0, work.op(op).output, out));
  return command;
}

TEST(Cost, OfALinearLayerIsItsMacsByTheRateOfItsArithmetic) {
  for (const auto& [arithmetic, rate] :
       {std::pair{Arithmetic::f16, 16.0}, {Arithmetic::w8a16, 32.0}, {Arithmetic::w8a8, 64.0}}) {
    SmallWork w;
    const TensorId x = w.tensor("x", {1, 8, 2, 12});
    const TensorId weight = w.tensor("w", {1, 10, 1, 12}, TensorKind::weight, 8);
    const OpId op = w.linear(x, weight, w.tensor("y", {1, 8, 2, 10}), arithmetic);
    // 3 lines of 2 columns, 5 of 10 outputs, 12 inputs: 6 * 5 * 12 = 360.
    const Box out = {{0, 1, 0, 0}, {1, 4, 2, 5}};
    const CommandCost cost = command_cost(small_device(), w.work, on_chip(w.work, op, out));
    EXPECT_EQ(cost.engine, EngineKind::tensor);
    EXPECT_EQ(cost.macs, 360);
    EXPECT_DOUBLE_EQ(cost.cycles, 360 / rate);
    // x: 6 places of 12 in 16 bits; weight: 5 lines of 12 in 8; y: 6 places of 5 in 16.
    EXPECT_EQ(cost.on_chip_bytes, 6 * 12 * 2 + 5 * 12 + 6 * 5 * 2);
    EXPECT_EQ(cost.dram_bytes_read + cost.dram_bytes_written, 0);
    EXPECT_EQ(cost.vector_elements, 0);
  }
}

TEST(Cost, RoundsUpToTheSidesOfTheArray) {
  SmallWork w;
  const TensorId x = w.tensor("x", {1, 8, 2, 12});
  const TensorId weight = w.tensor("w", {1, 10, 1, 12}, TensorKind::weight);
  const OpId op = w.linear(x, weight, w.tensor("y", {1, 8, 2, 10}));
  Device device = small_device();
  device.tensor.align_rows = 4;
  device.tensor.align_outputs = 8;
  device.tensor.align_inputs = 16;
  device.tensor.setup_cycles = 7;
  // 6 places to 8, 5 outputs to 8, 12 inputs to 16, by 16 a cycle.
  const CommandCost cost =
      command_cost(device, w.work, on_chip(w.work, op, {{0, 1, 0, 0}, {1, 4, 2, 5}}));
  EXPECT_EQ(cost.macs, 360);
  EXPECT_DOUBLE_EQ(cost.cycles, 7 + 8 * 8 * 16 / 16.0);
}

TEST(Cost, OfAGatedLayerIsThatOfBothHalves) {
  SmallWork w;
  const TensorId x = w.tensor("x", {1, 4, 1, 8});
  const TensorId weight = w.tensor("w", {1, 12, 1, 8}, TensorKind::weight);
  const OpId id = w.linear(x, weight, w.tensor("y", {1, 4, 1, 6}));
  w.work.ops[static_cast<size_t>(id)].operands.push_back({weight, 1, Reach::outputs, 6, 0});
  const CommandCost cost =
      command_cost(small_device(), w.work, on_chip(w.work, id, lines(0, 4, 6)));
  EXPECT_EQ(cost.macs, 2 * 4 * 6 * 8);
  EXPECT_DOUBLE_EQ(cost.cycles, 2 * 4 * 6 * 8 / 16.0);
}

TEST(Cost, OfAConvolutionCountsItsTapsAndBothItsSources) {
  SmallWork w;
  const TensorId x = w.tensor("x", {1, 6, 6, 4}), x2 = w.tensor("x2", {1, 6, 6, 3});
  const TensorId weight = w.tensor("w", {1, 8, 1, 9 * 7}, TensorKind::weight);
  Op conv;
  conv.kind = OpKind::conv2d;
  conv.graph_op = graph::OpKind::conv2d;
  conv.lines = conv.columns = {3, 1, 1, 1};
  conv.operands = {
      {x, 0, Reach::window, 0, 4}, {x2, 1, Reach::window, 0, 3}, {weight, 2, Reach::outputs, 0, 0}};
  conv.output = w.tensor("y", {1, 6, 6, 8});
  const OpId op = w.op(conv);
  Device device = small_device();
  device.tensor.align_inputs = 4;
  // 2 lines of 6, 8 outputs, 9 taps; 4 inputs and 3 that take the place of 4.
  const CommandCost cost =
      command_cost(device, w.work, on_chip(w.work, op, {{0, 2, 0, 0}, {1, 4, 6, 8}}));
  EXPECT_EQ(cost.macs, 12 * 8 * 9 * 7);
  EXPECT_DOUBLE_EQ(cost.cycles, 12 * 8 * 9 * (4 + 4) / 16.0);
}

/// Two heads of 6 channels over 10 keys, for 4 places.
struct Attention : SmallWork {
  TensorId q = tensor("q", {1, 4, 1, 12}), k = tensor("k", {1, 10, 1, 12});
  TensorId v = tensor("v", {1, 10, 1, 12}), s = tensor("s", {1, 4, 1, 20});
  TensorId state = tensor("state", {1, 4, 1, 6}, TensorKind::activation, 32);
  TensorId p = tensor("p", {1, 4, 1, 20}), y = tensor("y", {1, 4, 1, 12});
  OpId scores, softmax, mix;

  Attention() {
    Op base;
    base.graph_op = graph::OpKind::attention;
    base.heads = 2;
    base.keys = 10;
    base.vector_op = VectorOp::softmax;
    Op one = base, two = base, three = base;
    one.kind = OpKind::scores;
    one.operands = {{q, 0, Reach::same, 0, 12}, {k, 1, Reach::keys, 0, 12}};
    one.output = s;
    two.kind = OpKind::softmax;
    two.operands = {{s, 0, Reach::same, 0, 0}};
    two.output = p;
    two.state = state;
    three.kind = OpKind::mix;
    three.operands = {{p, 0, Reach::same, 0, 0}, {v, 2, Reach::keys, 0, 12}};
    three.output = y;
    three.state = state;
    scores = op(one);
    softmax = op(two);
    mix = op(three);
  }
};

TEST(Cost, OfScoresIsHeadByHead) {
  const Attention w;
  Device device = small_device();
  device.tensor.align_outputs = 16;
  device.tensor.align_inputs = 8;
  const CommandCost both = command_cost(device, w.work, on_chip(w.work, w.scores, lines(0, 4, 20)));
  EXPECT_EQ(both.macs, 2 * 4 * 10 * 6);
  EXPECT_DOUBLE_EQ(both.cycles, 2 * 4 * 16 * 8 / 16.0);  // 10 keys to 16, 6 channels to 8
  const CommandCost part =
      command_cost(device, w.work, on_chip(w.work, w.scores, {{0, 0, 0, 10}, {1, 4, 1, 15}}));
  EXPECT_EQ(part.macs, 4 * 5 * 6);
  EXPECT_DOUBLE_EQ(part.cycles, 4 * 16 * 8 / 16.0);
}

TEST(Cost, OfAMixCountsTheKeysItIsGiven) {
  const Attention w;
  Device device = small_device();
  device.tensor.align_outputs = 8;
  device.tensor.align_inputs = 4;
  const CommandCost both = command_cost(device, w.work, on_chip(w.work, w.mix, lines(0, 4, 12)));
  EXPECT_EQ(both.macs, 2 * 4 * 10 * 6);
  EXPECT_DOUBLE_EQ(both.cycles, 2 * 4 * 8 * 12 / 16.0);  // 6 channels to 8, 10 keys to 12
  // The second head's last 3 keys.
  Command block{.op = w.mix, .part = Part::more, .out = {{0, 0, 0, 6}, {1, 4, 1, 12}}};
  block.reads = {at(0, w.p, {{0, 0, 0, 17}, {1, 4, 1, 20}}), at(0, w.v, lines(7, 10, 12))};
  const CommandCost part = command_cost(device, w.work, block);
  EXPECT_EQ(part.engine, EngineKind::tensor);
  EXPECT_EQ(part.macs, 4 * 3 * 6);
  EXPECT_DOUBLE_EQ(part.cycles, 4 * 8 * 4 / 16.0);
}

TEST(Cost, OfCorrectedSumsIsTheVectorEngines) {
  const Attention w;
  Device device = small_device();
  device.vector.cycles[static_cast<size_t>(VectorOp::rescale)] = 3;
  for (const Part part : {Part::rescale, Part::finish}) {
    Command command{.op = w.mix, .part = part, .out = {{0, 0, 0, 0}, {1, 4, 1, 6}}};
    const CommandCost cost = command_cost(device, w.work, command);
    EXPECT_EQ(cost.engine, EngineKind::vector);
    EXPECT_EQ(cost.macs, 0);
    EXPECT_EQ(cost.vector_elements, 24);
    EXPECT_DOUBLE_EQ(cost.cycles, 24 / 4 * 3);
  }
}

TEST(Cost, OfASoftmaxIsByTheScore) {
  const Attention w;
  Device device = small_device();
  device.vector.lanes = 16;
  device.vector.setup_cycles = 5;
  device.vector.cycles[static_cast<size_t>(VectorOp::softmax)] = 2.5;
  // 3 places of 20 scores fill 16 lanes 4 times.
  const CommandCost cost =
      command_cost(device, w.work, on_chip(w.work, w.softmax, lines(0, 3, 20)));
  EXPECT_EQ(cost.engine, EngineKind::vector);
  EXPECT_EQ(cost.vector_elements, 60);
  EXPECT_DOUBLE_EQ(cost.cycles, 5 + 4 * 2.5);
}

TEST(Cost, OfNormsIsStatisticsAndTheirUse) {
  SmallWork w;
  const TensorId x = w.tensor("x", {1, 8, 1, 4});
  Op norm;
  norm.kind = OpKind::layer_norm;
  norm.vector_op = VectorOp::norm;
  norm.operands = {{x, 0, Reach::same, 0, 4}};
  norm.output = w.tensor("y", {1, 8, 1, 4});
  Op stats = norm, apply = norm;
  stats.kind = OpKind::group_stats;
  stats.vector_op = VectorOp::norm_stats;
  stats.output = w.tensor("sums", {1, 1, 1, 4}, TensorKind::activation, 32);
  apply.kind = OpKind::group_apply;
  apply.then = VectorOp::silu;
  apply.output = w.tensor("z", {1, 8, 1, 4});
  const OpId layer_norm = w.op(norm), group_stats = w.op(stats), group_apply = w.op(apply);
  Device device = small_device();
  device.vector.cycles[static_cast<size_t>(VectorOp::norm_stats)] = 2;
  device.vector.cycles[static_cast<size_t>(VectorOp::norm)] = 3;
  device.vector.cycles[static_cast<size_t>(VectorOp::silu)] = 4;
  const Box out = lines(0, 4, 4);  // 16 elements: 4 times all lanes
  EXPECT_DOUBLE_EQ(command_cost(device, w.work, on_chip(w.work, layer_norm, out)).cycles, 4 * 5);
  EXPECT_DOUBLE_EQ(command_cost(device, w.work, on_chip(w.work, group_apply, out)).cycles, 4 * 7);
  // Statistics: of what is read, whatever comes out.
  Command command{.op = group_stats, .part = Part::first, .out = lines(0, 1, 4)};
  command.reads = {at(0, x, out)};
  const CommandCost cost = command_cost(device, w.work, command);
  EXPECT_EQ(cost.vector_elements, 16);
  EXPECT_DOUBLE_EQ(cost.cycles, 4 * 2);
}

TEST(Cost, OfATransferIsItsBytes) {
  SmallWork w;
  const TensorId codes = w.tensor("w", {1, 3, 1, 5}, TensorKind::weight, 4);
  const TensorId x = w.tensor("x", {1, 8, 1, 4});
  SmallSchedule s;
  const int slot = s.slot(64, 0);
  s.load(at(slot, codes, w.work.tensor(codes).box()));
  s.store(at(slot, x, lines(2, 5, 4)));
  Device device = small_device();
  device.dma.setup_cycles = 10;
  // 15 weights of 4 bits in 8 bytes, and 12 values of 16 bits, at 8 bytes a cycle.
  const CommandCost load = command_cost(device, w.work, s.schedule.commands[0]);
  EXPECT_EQ(load.engine, EngineKind::dma);
  EXPECT_EQ(load.dram_bytes_read, 8);
  EXPECT_EQ(load.dram_bytes_written, 0);
  EXPECT_EQ(load.on_chip_bytes, 8);
  EXPECT_DOUBLE_EQ(load.cycles, 10 + 1);
  const CommandCost store = command_cost(device, w.work, s.schedule.commands[1]);
  EXPECT_EQ(store.dram_bytes_written, 24);
  EXPECT_EQ(store.on_chip_bytes, 24);
  EXPECT_DOUBLE_EQ(store.cycles, 10 + 3);
}

TEST(Cost, OfTheHostIsTheWayThereAndBack) {
  SmallWork w;
  const TensorId x = w.tensor("x", {1, 8, 1, 4}), y = w.tensor("y", {1, 8, 1, 2});
  SmallSchedule s;
  s.host(w.on_host(x, y), {at(kDram, x, lines(0, 8, 4))}, at(kDram, y, lines(0, 8, 2)));
  Device device = small_device();
  device.host.hand_over_cycles = 100;
  const CommandCost cost = command_cost(device, w.work, s.schedule.commands[0]);
  EXPECT_EQ(cost.engine, EngineKind::host);
  EXPECT_EQ(cost.dram_bytes_read, 64);
  EXPECT_EQ(cost.dram_bytes_written, 32);
  EXPECT_DOUBLE_EQ(cost.cycles, 100 + 96 / 4.0);
}

TEST(Cost, OfWhatTheDeviceDoesNotDoHasNoEnd) {
  const Attention w;
  Device device = small_device();
  device.tensor.macs_per_cycle = {0, 0, 64};
  device.vector.cycles[static_cast<size_t>(VectorOp::rescale)] = 0;
  const Command scores = on_chip(w.work, w.scores, lines(0, 4, 20));
  EXPECT_TRUE(std::isinf(command_cost(device, w.work, scores).cycles));
  const Command rescale = {.op = w.mix, .part = Part::rescale, .out = lines(0, 4, 6)};
  EXPECT_TRUE(std::isinf(command_cost(device, w.work, rescale).cycles));
}

}  // namespace
}  // namespace edgefusion::npu
