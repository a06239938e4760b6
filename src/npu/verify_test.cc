#include "npu/verify.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "npu/testing/given_device.h"
#include "npu/testing/given_net.h"
#include "npu/testing/hand_schedule.h"

namespace edgefusion::npu {
namespace {

constexpr int64_t kBank = 1024;
constexpr int kBanks = 16;

using graph::GraphBuilder;
using graph::ValueId;
using graph::WeightScope;

GivenNet conv_net() {
  GraphBuilder g("net", nullptr);
  g.output("y", g.conv2d(g.input("x", {1, 8, 4, 4}), WeightScope("conv"), 4));
  return given_net(*g.finish());
}

GivenNet norm_net() {
  GraphBuilder g("net", nullptr);
  g.output("y", g.group_norm(g.input("x", {1, 8, 4, 4}), WeightScope("norm"), 2, 1e-5f));
  return given_net(*g.finish());
}

GivenNet attention_net() {
  GraphBuilder g("net", nullptr);
  const ValueId q = g.input("q", {1, 5, 4});
  const ValueId k = g.input("k", {1, 6, 4}), v = g.input("v", {1, 6, 4});
  g.output("y", g.attention({q, k, v, graph::kNoValue}, {.heads = 1, .scale = 0.5f}));
  return given_net(*g.finish());
}

/// A network, its work on a device, and a right schedule that a test breaks.
struct Case {
  explicit Case(GivenNet given) : net(std::move(given)) {
    auto made = make_work(net.graph, device, {});
    EXPECT_TRUE(made.has_value()) << made.error().message();
    work = std::move(*made);
  }
  Case(const Case&) = delete;

  GivenNet net;
  Device device = given_device(kBank * kBanks, kBanks);
  Work work;
  Schedule schedule;

  Command& command(size_t i) { return schedule.commands[i]; }
  void erase(size_t i) {
    schedule.commands.erase(schedule.commands.begin() + static_cast<std::ptrdiff_t>(i));
  }
};

Box lines(const Box& box, int64_t begin, int64_t end) { return box.with(kLines, begin, end); }
Box columns(const Box& box, int64_t begin, int64_t end) { return box.with(kColumns, begin, end); }

/// Two tiles of a 3x3 convolution. Commands: 0 load weight, 1 bias, 2 x of tile 0, 3 of tile 1,
/// 4 conv, 5 store, 6 conv, 7 store.
struct ConvCase : Case {
  ConvCase() : Case(conv_net()) {
    HandSchedule hand(work, kBank);
    hand.load("conv.weight");
    hand.load("conv.bias");
    const int x0 = hand.slot("x 0", 160, true), x1 = hand.slot("x 1", 160, true);
    const int y0 = hand.slot("y 0", 128), y1 = hand.slot("y 1", 128);
    const Box x = hand.box("x"), y = hand.box("y");
    hand.load("x", lines(x, 0, 5), x0);
    hand.load("x", lines(x, 3, 8), x1);
    hand.compute("y", lines(y, 0, 4), y0);
    hand.schedule.commands.back().reads[0] = {x0, hand.tensor("x"), lines(x, 0, 5), lines(x, 0, 5)};
    hand.store("y", lines(y, 0, 4));
    hand.compute("y", lines(y, 4, 8), y1);
    hand.store("y", lines(y, 4, 8));
    schedule = hand.schedule;
  }
};

/// Statistics of two tiles. Commands: 0 x, 1 gamma, 2 beta, 3 and 4 statistics, 5 norm, 6 store.
struct NormCase : Case {
  NormCase() : Case(norm_net()) {
    HandSchedule hand(work, kBank);
    hand.load("x");
    hand.load("norm.weight");
    hand.load("norm.bias");
    const int stats = hand.slot("stats", 16), y = hand.slot("y", 256);
    const Box x = hand.box("x");
    hand.compute("y:stats", hand.box("y:stats"), stats, Part::first, {{0, lines(x, 0, 3)}});
    hand.compute("y:stats", hand.box("y:stats"), stats, Part::more, {{0, lines(x, 3, 8)}});
    hand.compute("y", hand.box("y"), y);
    hand.store("y", hand.box("y"));
    schedule = hand.schedule;
  }
};

/// Whole rows of scores, values in two blocks. Commands: 0 q, 1 k, 2 v, 3 scores, 4 softmax (in
/// place), 5 and 6 mix, 7 store.
struct BlockCase : Case {
  BlockCase() : Case(attention_net()) {
    HandSchedule hand(work, kBank);
    for (const char* name : {"q", "k", "v"}) hand.load(name);
    const int scores = hand.slot("scores", 60), y = hand.slot("y", 40);
    const Box rows = hand.box("y:scores"), v = hand.box("v");
    hand.compute("y:scores", rows, scores);
    hand.compute("y:softmax", rows, scores);
    hand.compute("y", hand.box("y"), y, Part::first,
                 {{0, rows.with(kChannels, 0, 4)}, {1, lines(v, 0, 4)}});
    hand.compute("y", hand.box("y"), y, Part::more,
                 {{0, rows.with(kChannels, 4, 6)}, {1, lines(v, 4, 6)}});
    hand.store("y", hand.box("y"));
    schedule = hand.schedule;
  }
};

/// Two blocks of keys with a running softmax. Commands: 0 q, 1 k, 2 v; 3 scores, 4 softmax, 5 mix;
/// 6 scores, 7 softmax, 8 rescale, 9 mix; 10 finish, 11 store.
struct OnlineCase : Case {
  OnlineCase() : Case(attention_net()) {
    HandSchedule hand(work, kBank);
    for (const char* name : {"q", "k", "v"}) hand.load(name);
    const int scores = hand.slot("scores", 30), weights = hand.slot("weights", 30);
    const int y = hand.slot("y", 40), state = hand.slot("state", 60);
    for (const int64_t key : {0, 3}) {
      const Box rows = hand.box("y:scores").with(kChannels, key, key + 3);
      const Part part = key == 0 ? Part::first : Part::more;
      hand.compute("y:scores", rows, scores);
      hand.softmax("y:softmax", rows, weights, state, part);
      if (key != 0) hand.correct("y", hand.box("y"), Part::rescale);
      hand.compute("y", hand.box("y"), y, part,
                   {{0, rows}, {1, lines(hand.box("v"), key, key + 3)}});
    }
    hand.correct("y", hand.box("y"), Part::finish);
    hand.store("y", hand.box("y"));
    schedule = hand.schedule;
  }
};

template <typename Kind>
struct Break {
  const char* name;
  std::function<void(Kind&)> make;
  const char* message;
};

template <typename Kind>
void expect_refusals(const std::vector<Break<Kind>>& breaks) {
  const Kind good;
  const Status accepted = verify(good.device, good.work, good.schedule);
  ASSERT_TRUE(accepted.has_value()) << accepted.error().message();
  for (const Break<Kind>& broken : breaks) {
    Kind changed;
    broken.make(changed);
    const Status status = verify(changed.device, changed.work, changed.schedule);
    ASSERT_FALSE(status.has_value()) << broken.name;
    const std::string message = status.error().message();
    EXPECT_NE(message.find(broken.message), std::string::npos) << broken.name << ": " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(Verify, RefusesSlotsThatDoNotFitTheMemory) {
  expect_refusals<ConvCase>({
      {"outside", [](auto& c) { c.schedule.slots[4].offset = kBank * kBanks - 64; },
       "slot 4 (y 0): 128 bytes at 16320, expected within the 16384 bytes of test-npu"},
      {"not placed", [](auto& c) { c.schedule.slots[4].offset = -1; }, "128 bytes at -1"},
      {"misaligned", [](auto& c) { c.schedule.slots[4].offset += 8; }, "expected a multiple of 64"},
      {"of a group that is not there", [](auto& c) { c.schedule.slots[4].last_group = 1; },
       "groups 0 to 1"},
      {"streamed into a neighbour's bank",
       [](auto& c) { c.schedule.slots[4].offset = c.schedule.slots[2].offset + 512; },
       "slot 2 (x 0): is streamed, and at 2048 shares a bank with slot 4 (y 0) at 2560"},
      {"smaller than its content", [](auto& c) { c.schedule.slots[2].bytes = 128; },
       "takes 160 bytes"},
  });
}

TEST(Verify, RefusesReadsOfWhatIsNotThere) {
  expect_refusals<ConvCase>({
      {"never loaded", [](auto& c) { c.erase(2); },
       "command 3 (compute y [0:1, 0:4, 0:4, 0:4], group 0): operand 0: slot 2 (x 0) holds nothing "
       "yet, expected x"},
      {"overwritten by another slot on its bytes",
       [](auto& c) {
         for (const size_t i : {2, 3}) c.schedule.slots[i].streamed = false;
         c.schedule.slots[3].offset = c.schedule.slots[2].offset + 64;
       },
       "slot 2 (x 0) was overwritten by slot 3 (x 1)"},
      {"overwritten by another content of its slot",
       [](auto& c) { c.command(3).writes[0].slot = 2; }, "slot 2 (x 0) holds x [0:1, 3:8"},
      {"of another tensor", [](auto& c) { c.command(4).reads[0].tensor = c.work.ops[0].output; },
       "operand 0: reads y, expected x"},
      {"held differently",
       [](auto& c) {
         c.schedule.slots[2].bytes = 192;
         c.command(4).reads[0].held.end[kLines] = 6;
       },
       "slot 2 (x 0) holds x [0:1, 0:5"},
      {"one line short at the tile's border",
       [](auto& c) {
         c.command(2).out.end[kLines] = 4;
         c.command(2).reads[0].box.end[kLines] = c.command(2).writes[0].box.end[kLines] = 4;
       },
       "elements [0:1, 4:5, 0:4, 0:4] of x in slot 2 (x 0) were not written"},
      {"with too small a halo", [](auto& c) { c.command(6).reads[0].box.begin[kLines] = 4; },
       "operand 0: reads [0:1, 4:8, 0:4, 0:4] of x, needs [0:1, 3:8, 0:4, 0:4]"},
      {"by engines from DRAM", [](auto& c) { c.command(4).reads[0].slot = kDram; },
       "engines read slots alone"},
      {"of a result that is not stored",
       [](auto& c) {
         c.command(2).reads[0].tensor = c.command(2).writes[0].tensor = c.work.ops[0].output;
       },
       "elements [0:1, 0:5, 0:4, 0:4] of y were not stored"},
  });
}

TEST(Verify, RefusesResultsThatAreNotWhole) {
  expect_refusals<ConvCase>({
      {"a missing store", [](auto& c) { c.erase(7); },
       "elements [0:1, 4:8, 0:4, 0:4] of y, an output, are never stored"},
      {"the first tile stored twice", [](auto& c) { c.command(7) = c.command(5); },
       "elements [0:1, 4:8, 0:4, 0:4] of y, an output, are never stored"},
      {"a tile stored as the other one",
       [](auto& c) {
         Command& store = c.command(7);
         store.writes[0].box = store.out = c.command(5).out;
       },
       "moves [0:1, 4:8, 0:4, 0:4] of y to [0:1, 0:4, 0:4, 0:4] of y"},
      {"a store of what is no result",
       [](auto& c) {
         c.command(5).out = c.command(2).out;
         c.command(5).reads = c.command(2).writes;
         c.command(5).writes = c.command(2).reads;
       },
       "x is no result"},
      {"fewer channels than the command says",
       [](auto& c) { c.command(6).writes[0].box.end[kChannels] = 2; },
       "writes [0:1, 4:8, 0:4, 0:2]"},
      {"a result on the operand it is made from",
       [](auto& c) {
         c.schedule.slots[5].streamed = c.schedule.slots[2].streamed = false;
         c.schedule.slots[3].streamed = false;
         c.schedule.slots[5].offset = c.schedule.slots[3].offset;
       },
       "writes slot 5 (y 1) over slot 3 (x 1), which it reads"},
  });
}

TEST(Verify, RefusesWhatTheDeviceDoesNotDo) {
  expect_refusals<ConvCase>({
      {"tensor engines without a rate", [](auto& c) { c.device.tensor.macs_per_cycle[0] = 0; },
       "the tensor engines of test-npu do no f16"},
      {"an activation on the way out that they do not do",
       [](auto& c) {
         std::get<graph::Conv2dAttrs>(c.work.ops[0].attrs).epilogue.activation = Activation::silu;
       },
       "the tensor engines of test-npu do no silu on the way out"},
      {"a layer on the host", [](auto& c) { c.command(4).action = Action::host; },
       "the NPU does it, not the host"},
      {"an op of the host on the NPU", [](auto& c) { c.work.ops[0].on_host = true; },
       "the host does it, not the NPU"},
      {"a layer that goes on", [](auto& c) { c.command(4).part = Part::more; },
       "an op that does not sum over its tiles cannot go on"},
      {"a command of a group that is not there", [](auto& c) { c.command(4).group = 1; },
       "group 1 of 1"},
  });
  expect_refusals<NormCase>({
      {"vector engines without a rate",
       [](auto& c) { c.device.vector.cycles[static_cast<size_t>(VectorOp::norm)] = 0; },
       "the vector engines of test-npu do no norm"},
  });
}

TEST(Verify, RefusesStatisticsThatTakeAPlaceTwiceOrNever) {
  expect_refusals<NormCase>({
      {"twice", [](auto& c) { c.command(4).reads[0].box.begin[kLines] = 2; },
       "sums [0:1, 0:1, 0:1, 0:4] take [0:1, 2:8, 0:4, 0:4] of x twice"},
      {"never", [](auto& c) { c.command(4).reads[0].box.begin[kLines] = 4; },
       "elements [0:1, 0:1, 0:1, 0:4] of y:stats in slot 3 (stats) are read before their sums are "
       "complete"},
      {"not begun", [](auto& c) { c.erase(3); }, "that were not begun, or are complete already"},
      {"some of all", [](auto& c) { c.command(3).part = Part::all; },
       "sums [0:1, 0:1, 0:1, 0:4] lack [0:1, 3:8, 0:4, 0:4] of x"},
      {"lying where the result goes",
       [](auto& c) {
         Access& result = c.command(5).writes[0];
         c.command(5).out = result.box = result.held = c.command(5).reads[0].box =
             lines(columns(result.box, 0, 1), 0, 1);
         result.slot = 3;
       },
       "writes slot 3 (stats) over slot 3 (stats), which it reads"},
      {"of the first tile alone", [](auto& c) { c.erase(4); },
       "are read before their sums are complete"},
  });
}

TEST(Verify, RefusesAttentionThatTakesAKeyTwiceOrNever) {
  expect_refusals<BlockCase>({
      {"twice",
       [](auto& c) {
         c.command(6).reads[0].box.begin[kChannels] = 3;
         c.command(6).reads[1] = {2, c.command(2).writes[0].tensor, c.command(2).out,
                                  lines(c.command(2).out, 3, 6)};
       },
       "take [0:1, 0:5, 0:1, 3:6] of y:softmax twice"},
      {"never", [](auto& c) { c.command(6).reads[0].box.begin[kChannels] = 5; },
       "are read before their sums are complete"},
      {"without the values",
       [](auto& c) { c.command(6).reads[1].box = lines(c.command(2).out, 5, 6); },
       "reads [0:1, 5:6, 0:1, 0:4] of v, needs [0:1, 4:6, 0:1, 0:4]"},
      {"softmax of a part of the row",
       [](auto& c) {
         c.command(4).out.end[kChannels] = c.command(4).writes[0].box.end[kChannels] = 4;
       },
       "a softmax of some of the 6 keys alone"},
      {"a softmax elsewhere on its scores",
       [](auto& c) {
         Command& softmax = c.command(4);
         c.schedule.slots.push_back(c.schedule.slots[3]);
         c.schedule.slots.back().label = "softmax";
         softmax.writes[0].slot = 5;
       },
       "writes slot 5 (softmax) over slot 3 (scores), which it reads"},
  });
}

TEST(Verify, RefusesOnlineSoftmaxThatLosesTrack) {
  expect_refusals<OnlineCase>({
      {"without a rescale", [](auto& c) { c.erase(8); }, "relative to another maximum"},
      {"rescaled twice",
       [](auto& c) { c.schedule.commands.insert(c.schedule.commands.begin() + 9, c.command(8)); },
       "sums [0:1, 0:5, 0:1, 0:4] are of block 2, the state is of block 2"},
      {"adding to what was loaded over its sums",
       [](auto& c) {
         Command load = c.command(11);
         load.action = Action::load;
         std::swap(load.reads, load.writes);
         c.work.tensors[static_cast<size_t>(c.work.ops[2].output)].kind = TensorKind::constant;
         c.schedule.commands.insert(c.schedule.commands.begin() + 6, load);
       },
       "there are no sums [0:1, 0:5, 0:1, 0:4]"},
      {"not finished", [](auto& c) { c.erase(10); }, "are read before their sums are complete"},
      {"finished before its last block", [](auto& c) { std::swap(c.command(9), c.command(10)); },
       "lack [0:1, 0:5, 0:1, 3:6] of y:softmax"},
      {"a block taken twice into the state",
       [](auto& c) {
         for (const size_t i : {6, 7}) {
           const Command& first = c.command(i - 3);
           c.command(i).out = first.out;
           c.command(i).reads[0] = first.reads[0];
           if (i == 6) c.command(i).reads[1] = first.reads[1];
           c.command(i).writes[0] = first.writes[0];
         }
       },
       "takes keys of scores [0:1, 0:5, 0:1, 0:3] twice"},
      {"from a state that was overwritten",
       [](auto& c) {
         Command load = c.command(1);
         load.writes[0].slot = 6;
         c.schedule.commands.insert(c.schedule.commands.begin() + 6, load);
       },
       "slot 6 (state) holds k"},
      {"its scores as a result",
       [](auto& c) {
         Command& store = c.command(11);
         store.reads[0] = c.command(4).writes[0];
         store.writes[0] = {kDram, store.reads[0].tensor, store.reads[0].box, store.reads[0].box};
         store.out = store.reads[0].box;
         c.schedule.commands.insert(c.schedule.commands.begin() + 5, store);
       },
       "are those of an online softmax"},
      {"its state as a result",
       [](auto& c) {
         Command store = c.command(11);
         store.reads[0] = c.command(4).writes[1];
         store.writes[0] = {kDram, store.reads[0].tensor, store.reads[0].box, store.reads[0].box};
         store.out = store.reads[0].box;
         c.schedule.commands.insert(c.schedule.commands.begin() + 5, store);
       },
       "are the state of an online softmax"},
      {"a rescale that the vector engines do not do",
       [](auto& c) { c.device.vector.cycles[static_cast<size_t>(VectorOp::rescale)] = 0; },
       "do no rescale"},
  });
}

}  // namespace
}  // namespace edgefusion::npu
