#include "npu/execute.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "graph/evaluate.h"
#include "graph/passes/passes.h"
#include "npu/testing/given_device.h"
#include "npu/testing/given_net.h"
#include "npu/testing/hand_schedule.h"
#include "npu/testing/outputs.h"
#include "npu/verify.h"

// Schedules written by hand, in one tile and in several.

namespace edgefusion::npu {
namespace {

using graph::Conv2dAttrs;
using graph::GraphBuilder;
using graph::ValueId;
using graph::WeightScope;

constexpr int64_t kBank = 1 << 14;
constexpr int kBanks = 64;

Box lines(const Box& box, int64_t begin, int64_t end) { return box.with(kLines, begin, end); }
Box columns(const Box& box, int64_t begin, int64_t end) { return box.with(kColumns, begin, end); }
Box channels(const Box& box, int64_t begin, int64_t end) { return box.with(kChannels, begin, end); }

class Execute : public testing::Test {
 protected:
  void give(GraphBuilder& builder, uint32_t seed = 7) {
    net_ = given_net(*builder.finish(), seed);
    graph::optimize(net_.graph, {true, true, true, true});
    auto made = make_work(net_.graph, device_, {});
    ASSERT_TRUE(made.has_value()) << made.error().message();
    work_ = std::move(*made);
  }
  HandSchedule hand() const { return HandSchedule(work_, kBank); }
  Outputs run(const HandSchedule& hand) {
    const Status status = verify(device_, work_, hand.schedule);
    EXPECT_TRUE(status.has_value()) << status.error().message();
    return execute(device_, work_, hand.schedule, &net_.weights, net_.inputs);
  }
  Outputs reference() const { return graph::evaluate(net_.graph, &net_.weights, net_.inputs); }
  /// Every op in one command, everything in slots of its own, and stored.
  Outputs run_whole() {
    HandSchedule whole = hand();
    for (const NpuTensor& tensor : work_.tensors) {
      if (tensor.kind != TensorKind::activation) whole.load(tensor.name);
    }
    for (const Op& op : work_.ops) {
      const Box out = work_.tensor(op.output).box();
      if (op.on_host) {
        whole.host(op.name);
        whole.load(op.name);
        continue;
      }
      const int slot = whole.slot(op.name, work_.tensor(op.output).bytes());
      std::map<size_t, Box> parts;
      if (op.kind == OpKind::group_stats) {
        for (size_t i = 0; i < op.operands.size(); ++i) {
          parts[i] = work_.tensor(op.operands[i].tensor).box();
        }
      }
      whole.compute(op.name, out, slot, Part::all, parts);
      if (op.kind != OpKind::softmax) whole.store(op.name, out);
    }
    return run(whole);
  }

  Device device_ = given_device(kBank * kBanks, kBanks);
  GivenNet net_;
  Work work_;
};

/// Halves of `name` along an axis, each computed into a slot of its own and stored.
void compute_halves(HandSchedule& hand, const std::string& name, Axis axis) {
  const Box all = hand.box(name);
  const int64_t middle = all.end[axis] / 2;
  for (const Box& half : {all.with(axis, 0, middle), all.with(axis, middle, all.end[axis])}) {
    hand.compute(name, half, hand.slot(name, kBank));
    hand.store(name, half);
  }
}

TEST_F(Execute, ConvolutionsOfOddStridesAndPaddingsGiveTheSameBitsInTiles) {
  for (const int stride : {1, 2, 3}) {
    for (const bool corner : {false, true}) {
      GraphBuilder g("net", nullptr);
      g.output("y", g.conv2d(g.input("x", {2, 9, 8, 3}), WeightScope("conv"), 5,
                             {.stride = stride, .pad_bottom_right_only = corner}));
      give(g);
      const Outputs expected = reference();
      expect_same_bits(run_whole(), expected);
      for (const Axis axis : {kBatch, kLines, kColumns, kChannels}) {
        HandSchedule tiled = hand();
        for (const char* name : {"x", "conv.weight", "conv.bias"}) tiled.load(name);
        compute_halves(tiled, "y", axis);
        expect_same_bits(run(tiled), expected);
      }
    }
  }
}

TEST_F(Execute, ConvolutionsOfEnlargedPicturesReadHalfALineMore) {
  for (const int stride : {1, 2}) {
    GraphBuilder g("net", nullptr);
    const ValueId x = g.input("x", {1, 5, 6, 3});
    g.output("y", g.conv2d(g.resize_nearest(x, 10, 12), WeightScope("conv"), 4));
    give(g);
    for (graph::NodeId id = 0; stride == 2 && id < graph::NodeId(net_.graph.nodes().size()); ++id) {
      if (net_.graph.node(id).op != graph::OpKind::conv2d) continue;
      net_.graph.node(id).as<Conv2dAttrs>().stride = 2;  // the passes leave such a pair alone
      net_.graph.value(net_.graph.node(id).output).shape = {1, 5, 6, 4};
      work_ = *make_work(net_.graph, device_, {});
    }
    ASSERT_EQ(work_.ops.size(), 1u);  // enlarged on the way in
    const Outputs expected = reference();
    expect_same_bits(run_whole(), expected);
    HandSchedule tiled = hand();
    tiled.load("conv.weight");
    tiled.load("conv.bias");
    const Box y = tiled.box("y");
    // Tiles of one line, each with just the lines it needs: their first may be the second copy.
    for (int64_t line = 0; line < y.end[kLines]; ++line) {
      const Box out = lines(y, line, line + 1);
      tiled.load("x", needed(work_, work_.ops[0], 0, out), tiled.slot("x", kBank));
      tiled.compute("y", out, tiled.slot("y", kBank));
      tiled.store("y", out);
    }
    expect_same_bits(run(tiled), expected);
  }
}

TEST_F(Execute, ChainsOfConvolutionsRecomputeTheirHalo) {
  GraphBuilder g("net", nullptr);
  const ValueId h = g.conv2d(g.input("x", {1, 8, 6, 3}), WeightScope("first"), 4);
  g.output("y", g.conv2d(g.silu(h), WeightScope("second"), 4));
  give(g);
  const Outputs whole = run_whole();
  expect_close(whole, reference(), 1e-6f);
  HandSchedule tiled = hand();
  for (const NpuTensor& tensor : work_.tensors) {
    if (tensor.kind == TensorKind::weight) tiled.load(tensor.name);
  }
  const Op& last = work_.ops.back();
  for (int64_t line = 0; line < 8; line += 3) {
    const Box y = lines(tiled.box("y"), line, std::min<int64_t>(8, line + 3));
    const Box inner = needed(work_, last, 0, y);
    tiled.load("x", needed(work_, work_.ops[0], 0, inner), tiled.slot("x", kBank));
    for (OpId id = 0; id + 1 < static_cast<OpId>(work_.ops.size()); ++id) {
      tiled.compute(work_.op(id).name, inner, tiled.slot("inner", kBank));
    }
    tiled.compute("y", y, tiled.slot("y", kBank));
    tiled.store("y", y);
  }
  expect_same_bits(run(tiled), whole);
}

TEST_F(Execute, GatedLinearsTakeBothHalvesOfTheirWeights) {
  device_.tensor.fused = {VectorOp::geglu, VectorOp::gelu};
  GraphBuilder g("net", nullptr);
  g.output("y", g.geglu(g.linear(g.input("x", {1, 6, 8}), WeightScope("linear"), 12)));
  give(g);
  ASSERT_EQ(work_.ops.size(), 1u);
  expect_same_bits(run_whole(), reference());
  HandSchedule tiled = hand();
  tiled.load("x");
  tiled.load("linear.bias");
  // Outputs in two chunks; the halves of the weights are loaded into one slot each.
  for (const int64_t first : {0, 3}) {
    const Box out = channels(tiled.box("y"), first, first + 3);
    Command compute;
    std::vector<Access> halves;
    for (size_t i = 0; i < work_.ops[0].operands.size(); ++i) {
      if (work_.ops[0].operands[i].reach != Reach::outputs) continue;
      tiled.load("linear.weight", needed(work_, work_.ops[0], i, out), tiled.slot("half", kBank));
      halves.push_back(tiled.schedule.commands.back().writes[0]);
    }
    ASSERT_EQ(halves.size(), 2u);
    Command& command = tiled.compute("y", out, tiled.slot("y", kBank));
    size_t half = 0;
    for (size_t i = 0; i < work_.ops[0].operands.size(); ++i) {
      if (work_.ops[0].operands[i].reach == Reach::outputs) command.reads[i] = halves[half++];
    }
    tiled.store("y", out);
  }
  expect_same_bits(run(tiled), reference());
}

TEST_F(Execute, BroadcastsMeetTheirPlaces) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {2, 4, 6, 3});
  const ValueId item = g.input("item", {2, 1, 1, 3}), row = g.input("row", {2, 4, 6, 1});
  const ValueId position = g.input("position", {1, 4, 6, 3});
  g.output("y", g.affine(g.add(g.mul(g.add(x, item), row), position), 2.0f, 0.25f));
  give(g);
  const Outputs expected = reference();
  expect_same_bits(run_whole(), expected);
  for (const Axis axis : {kBatch, kLines, kColumns}) {
    HandSchedule tiled = hand();
    for (const char* name : {"x", "item", "row", "position"}) tiled.load(name);
    const Box all = tiled.box("y");
    const int64_t middle = all.end[axis] / 2;
    for (const Box& half : {all.with(axis, 0, middle), all.with(axis, middle, all.end[axis])}) {
      // Each result lies on its operand.
      const int slot = tiled.slot("sum", kBank);
      for (const Op& op : work_.ops) tiled.compute(op.name, half, slot);
      tiled.store("y", half);
    }
    expect_same_bits(run(tiled), expected);
  }
}

TEST_F(Execute, PartsOfChannelsAreJoinedAndCut) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 3, 4, 5}), z = g.input("z", {1, 3, 4, 3});
  g.output("y", g.slice(g.concat({x, z}), -1, 3, 7));
  give(g);
  const Outputs expected = reference();
  expect_same_bits(run_whole(), expected);
  HandSchedule tiled = hand();
  tiled.load("x");
  tiled.load("z");
  const std::string joined = work_.ops[0].name;
  tiled.compute(joined, tiled.box(joined), tiled.slot("joined", kBank));
  compute_halves(tiled, "y", kChannels);
  expect_same_bits(run(tiled), expected);
}

TEST_F(Execute, TwoDoublesAnElementDoNotLoseVarianceBesideALargeMean) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {2, 6, 5, 4}), x2 = g.input("x2", {2, 6, 5, 2});
  g.output("y", g.silu(g.group_norm(g.concat({x, x2}), WeightScope("norm"), 2, 1e-6f)));
  give(g);
  for (auto& [name, tensor] : net_.inputs) {
    for (float& value : tensor.values<float>()) value = 1000.0f + value * 0.01f;
  }
  ASSERT_EQ(work_.ops.size(), 2u);
  const Outputs expected = reference();
  expect_same_bits(run_whole(), expected);
  HandSchedule tiled = hand();
  for (const char* name : {"x", "x2", "norm.weight", "norm.bias"}) tiled.load(name);
  const std::string stats = "y:stats";
  const int sums = tiled.slot("stats", 256);
  // The second source's places come in another order than the first's.
  const Box a = tiled.box("x"), b = tiled.box("x2");
  tiled.compute(stats, tiled.box(stats), sums, Part::first, {{0, lines(a, 0, 2)}, {1, Box{}}});
  tiled.compute(stats, tiled.box(stats), sums, Part::more,
                {{0, lines(a, 2, 6)}, {1, columns(b, 3, 5)}});
  tiled.compute(stats, tiled.box(stats), sums, Part::more, {{0, Box{}}, {1, columns(b, 0, 3)}});
  compute_halves(tiled, "y", kChannels);
  expect_close(run(tiled), expected, 1e-6f);
}

TEST_F(Execute, TheHostSeesWholeTensorsAndIntegers) {
  GraphBuilder g("net", nullptr);
  const ValueId ids = g.input("ids", {2, 5}, DType::i32);
  const ValueId h =
      g.layer_norm(g.embedding(ids, WeightScope("table"), 9, 4), WeightScope("norm"), 1e-5f);
  const ValueId y = g.linear(h, WeightScope("linear"), 6);
  g.output("mask", g.token_mask(ids, 3));
  g.output("y", g.select_token(y, ids, {.token_id = 5}));
  give(g);
  expect_same_bits(run_whole(), reference());
}

TEST_F(Execute, WeightsOfFewBitsTakeTheirPlannedBytesAlone) {
  GraphBuilder g("net", nullptr);
  g.output("y", g.linear(g.input("x", {1, 6, 8}), WeightScope("linear"), 5));
  give(g);
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(net_.graph.nodes().size()); ++id) {
    if (net_.graph.node(id).op != graph::OpKind::linear) continue;
    graph::LayerQuantization few_bits;
    few_bits.scheme = graph::Scheme::w4a16;
    net_.graph.node(id).as<graph::LinearAttrs>().quantization =
        std::make_shared<graph::LayerQuantization>(few_bits);
  }
  work_ = *make_work(net_.graph, device_, {});
  HandSchedule tiled = hand();
  ASSERT_EQ(work_.tensor(tiled.tensor("linear.weight")).bytes(), 20);
  expect_same_bits(run_whole(), reference());
  tiled.load("x");
  tiled.load("linear.weight");
  tiled.load("linear.bias");
  compute_halves(tiled, "y", kChannels);
  expect_same_bits(run(tiled), reference());
}

class ExecuteAttention : public Execute {
 protected:
  void SetUp() override {
    GraphBuilder g("net", nullptr);
    const ValueId q = g.input("q", {2, 5, 6});
    const ValueId k = g.input("k", {2, 7, 6}), v = g.input("v", {2, 7, 4});
    const ValueId mask = g.input("mask", {2, 7});
    g.output("y", g.attention({q, k, v, mask}, {.heads = 2, .scale = 0.9f}));
    give(g);
    // The second item leaves out its first block of keys, and a key of the last one.
    auto keeps = net_.inputs.at("mask").values<float>();
    for (size_t i = 0; i < keeps.size(); ++i)
      keeps[i] = i >= 7 && (i < 10 || i == 13) ? 0.0f : 1.0f;
  }
  HandSchedule loaded() {
    HandSchedule tiled = hand();
    for (const char* name : {"q", "k", "v", "mask"}) tiled.load(name);
    return tiled;
  }
};

TEST_F(ExecuteAttention, WholeRowsGiveTheSameBitsByHeadsAndQueries) {
  const Outputs whole = run_whole();
  expect_close(whole, reference(), 1e-6f);
  HandSchedule tiled = loaded();
  const int rows = tiled.slot("rows", kBank);
  for (const int64_t head : {0, 1}) {
    for (const int64_t query : {0, 2}) {
      const int64_t end = query == 0 ? 2 : 5;
      const Box part = channels(lines(tiled.box("y:scores"), query, end), 7 * head, 7 * head + 7);
      const Box out = channels(lines(tiled.box("y"), query, end), 2 * head, 2 * head + 2);
      tiled.compute("y:scores", part, rows);
      tiled.compute("y:softmax", part, rows);
      tiled.compute("y", out, tiled.slot("y", kBank));
      tiled.store("y", out);
    }
  }
  expect_same_bits(run(tiled), whole);
}

TEST_F(ExecuteAttention, BlocksOfKeysAddUp) {
  HandSchedule tiled = loaded();
  const int rows = tiled.slot("rows", kBank);
  for (const int64_t head : {0, 1}) {
    const Box scores = channels(tiled.box("y:scores"), 7 * head, 7 * head + 7);
    const Box out = channels(tiled.box("y"), 2 * head, 2 * head + 2);
    tiled.compute("y:scores", scores, rows);
    tiled.compute("y:softmax", scores, rows);
    const int sums = tiled.slot("y", kBank);
    for (const auto& [key, end] : {std::pair{0, 3}, {3, 5}, {5, 7}}) {
      tiled.compute("y", out, sums, key == 0 ? Part::first : Part::more,
                    {{0, channels(scores, 7 * head + key, 7 * head + end)},
                     {1, channels(lines(tiled.box("v"), key, end), 2 * head, 2 * head + 2)}});
    }
    tiled.store("y", out);
  }
  expect_close(run(tiled), reference(), 1e-6f);
}

TEST_F(ExecuteAttention, OnlineSoftmaxNeedsNoWholeRow) {
  HandSchedule tiled = loaded();
  const int scores_slot = tiled.slot("scores", kBank), state = tiled.slot("state", kBank);
  for (const int64_t head : {0, 1}) {
    const Box out = channels(tiled.box("y"), 2 * head, 2 * head + 2);
    const int sums = tiled.slot("y", kBank);
    for (const auto& [key, end] : {std::pair{0, 3}, {3, 5}, {5, 7}}) {
      const Box rows = channels(tiled.box("y:scores"), 7 * head + key, 7 * head + end);
      const Part part = key == 0 ? Part::first : Part::more;
      tiled.compute("y:scores", rows, scores_slot);
      tiled.softmax("y:softmax", rows, scores_slot, state, part);
      if (key != 0) tiled.correct("y", out, Part::rescale);
      tiled.compute(
          "y", out, sums, part,
          {{0, rows}, {1, channels(lines(tiled.box("v"), key, end), 2 * head, 2 * head + 2)}});
    }
    tiled.correct("y", out, Part::finish);
    tiled.store("y", out);
  }
  expect_close(run(tiled), reference(), 2e-6f);
}

TEST_F(Execute, BuffersThatOverlapDestroyEachOther) {
  GraphBuilder g("net", nullptr);
  g.output("y", g.add(g.input("x", {1, 4, 4, 4}), g.input("z", {1, 4, 4, 4})));
  give(g);
  HandSchedule tiled = hand();
  tiled.load("x");
  tiled.load("z");
  tiled.compute("y", tiled.box("y"), tiled.slot("y", 128));
  tiled.store("y", tiled.box("y"));
  tiled.schedule.slots[1].offset = tiled.schedule.slots[0].offset + 64;
  ASSERT_FALSE(verify(device_, work_, tiled.schedule).has_value());
  const Outputs found =
      execute(device_, work_, tiled.schedule, &net_.weights, net_.inputs);  // against the contract
  const Outputs expected = reference();
  const auto a = found.at("y").values<float>(), b = expected.at("y").values<float>();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i] == b[i], i < 32) << i;
}

}  // namespace
}  // namespace edgefusion::npu
