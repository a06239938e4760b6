#include "npu/simulate.h"

#include <gtest/gtest.h>

#include <string>

#include "npu/testing/small_work.h"

// Times worked out by hand, with small_device(): 8 bytes a cycle, 4 lanes of a cycle, 16 MACs.

namespace edgefusion::npu {
namespace {

/// y = silu(x), z = y w. A line of x, y or z takes 4 channels of 16 bits, 8 bytes, so a cycle to
/// load, to store, to pass the vector engine, or (4 outputs of 4 inputs) the tensor engine.
struct Fixture : SmallSchedule {
  SmallWork made;
  TensorId x = made.tensor("x", {1, 1000, 1, 4}, TensorKind::input);
  TensorId y = made.tensor("y", {1, 1000, 1, 4});
  TensorId z = made.tensor("z", {1, 1000, 1, 4});
  TensorId w = made.tensor("w", {1, 4, 1, 4}, TensorKind::weight);
  OpId silu = made.pointwise(x, y), linear = made.linear(y, w, z);
  Device device = small_device();

  Timeline run() const {
    const Timeline timeline = simulate(device, made.work, schedule);
    EXPECT_EQ(simulated_cycles(device, made.work, schedule), timeline.totals.cycles);
    EXPECT_EQ(timeline.spans.size(), schedule.commands.size());
    return timeline;
  }
};

void expect_span(const Span& span, double begin, double end, EngineKind engine, int unit = 0) {
  EXPECT_DOUBLE_EQ(span.begin, begin);
  EXPECT_DOUBLE_EQ(span.end, end);
  EXPECT_EQ(span.engine, engine);
  EXPECT_EQ(span.unit, unit);
}

TEST(Simulate, ANothingTakesNoTime) {
  const Timeline timeline = Fixture().run();
  EXPECT_EQ(timeline.totals.cycles, 0);
  EXPECT_TRUE(timeline.spans.empty());
}

TEST(Simulate, OneQueueGoesInOrder) {
  Fixture f;
  f.load(at(f.slot(80, 0), f.x, lines(0, 10, 4)));
  f.load(at(f.slot(40, 80), f.x, lines(10, 15, 4)));
  f.load(at(f.slot(24, 120), f.x, lines(15, 18, 4)));
  const Timeline timeline = f.run();
  expect_span(timeline.spans[0], 0, 10, EngineKind::dma);
  expect_span(timeline.spans[1], 10, 15, EngineKind::dma);
  expect_span(timeline.spans[2], 15, 18, EngineKind::dma);
  EXPECT_EQ(timeline.totals.cycles, 18);
  EXPECT_EQ(timeline.totals.busy, (std::array<double, kEngineKinds>{0, 0, 18, 0}));
  for (const Span& span : timeline.spans) {
    EXPECT_EQ(span.waited, 0);
    EXPECT_EQ(span.waited_for, -1);
  }
}

/// Load, silu, store of each of 4 tiles of 10 lines.
void tiles(Fixture& f, int slots) {
  std::vector<int> in, out;
  for (int i = 0; i < slots; ++i) in.push_back(f.slot(80, 80 * i));
  for (int i = 0; i < slots; ++i) out.push_back(f.slot(80, 320 + 80 * i));
  const auto load = [&](int64_t tile) {
    f.load(at(in[static_cast<size_t>(tile % slots)], f.x, lines(10 * tile, 10 * tile + 10, 4)));
  };
  load(0);
  for (int64_t tile = 0; tile < 4; ++tile) {
    const auto slot = static_cast<size_t>(tile % slots);
    const Box box = lines(10 * tile, 10 * tile + 10, 4);
    if (slots > 1 && tile < 3) load(tile + 1);
    f.compute(f.silu, {at(in[slot], f.x, box)}, at(out[slot], f.y, box));
    if (slots == 1 && tile < 3) load(tile + 1);
    f.store(at(out[slot], f.y, box));
  }
}

TEST(Simulate, OneBufferWaitsForEachLoad) {
  Fixture f;
  f.device.vector.cycles.fill(2.5);  // 25 cycles a tile
  tiles(f, 1);
  // load 0-10, silu 10-35, load 35-45 and store 45-55 beside silu 45-... which writes what is
  // stored until 55: 55-80. load 80-90, store 90-100, silu 100-125; load 125-135, store 135-145,
  // silu 145-170, store 170-180.
  const Timeline timeline = f.run();
  EXPECT_EQ(timeline.totals.cycles, 180);
  expect_span(timeline.spans[4], 55, 80, EngineKind::vector);
  EXPECT_EQ(timeline.spans[4].waited, 20);
  EXPECT_EQ(timeline.spans[4].waited_for, 3);  // the store, which ended after the load
}

TEST(Simulate, TwoBuffersHideTheLoads) {
  Fixture f;
  f.device.vector.cycles.fill(2.5);
  tiles(f, 2);
  // load 0-10, then silu after silu: 10-35-60-85-110, the last store 110-120.
  const Timeline timeline = f.run();
  EXPECT_EQ(timeline.totals.cycles, 120);
  EXPECT_EQ(timeline.totals.busy, (std::array<double, kEngineKinds>{0, 100, 80, 0}));
  expect_span(timeline.spans[2], 10, 35, EngineKind::vector);
  EXPECT_EQ(timeline.spans[2].waited, 10);
  EXPECT_EQ(timeline.spans[2].waited_for, 0);
  EXPECT_EQ(timeline.spans[5].waited, 0);  // the second silu
}

TEST(Simulate, AnotherKindOfEngineTakesOverLater) {
  Fixture f;
  f.device.hand_over_cycles = 7;
  const Box box = lines(0, 10, 4);
  const int x = f.slot(80, 0), w = f.slot(32, 80), y = f.slot(80, 112), z = f.slot(80, 192);
  f.load(at(x, f.x, box));                                // 0-10
  f.load(at(w, f.w, lines(0, 4, 4)));                     // 10-14: same kind, no hand-over
  f.compute(f.silu, {at(x, f.x, box)}, at(y, f.y, box));  // 17-27
  f.compute(f.linear, {at(y, f.y, box), at(w, f.w, lines(0, 4, 4))}, at(z, f.z, box));  // 34-44
  f.compute(f.silu, {at(x, f.x, box)}, at(y, f.y, box));  // 51-61: overwrites what was read
  f.compute(f.silu, {at(x, f.x, box)}, at(y, f.y, box));  // 61-71
  f.store(at(z, f.z, box));                               // 51-61
  const Timeline timeline = f.run();
  expect_span(timeline.spans[1], 10, 14, EngineKind::dma);
  expect_span(timeline.spans[2], 17, 27, EngineKind::vector);
  expect_span(timeline.spans[3], 34, 44, EngineKind::tensor);
  expect_span(timeline.spans[4], 51, 61, EngineKind::vector);
  expect_span(timeline.spans[5], 61, 71, EngineKind::vector);
  expect_span(timeline.spans[6], 51, 61, EngineKind::dma);
}

TEST(Simulate, TwoEnginesTakeTurns) {
  Fixture f;
  f.device.vector.count = 2;
  // 10, 30, 10, 10, 5 lines: units 0, 1, 0 at 10, 0 at 20, and 30 or 30: the first.
  int64_t offset = 0;
  for (const int64_t count : {10, 30, 10, 10, 5}) {
    f.compute(f.silu, {}, at(f.slot(8 * count, offset), f.y, lines(0, count, 4)));
    offset += 8 * count;
  }
  const Timeline timeline = f.run();
  expect_span(timeline.spans[0], 0, 10, EngineKind::vector, 0);
  expect_span(timeline.spans[1], 0, 30, EngineKind::vector, 1);
  expect_span(timeline.spans[2], 10, 20, EngineKind::vector, 0);
  expect_span(timeline.spans[3], 20, 30, EngineKind::vector, 0);
  expect_span(timeline.spans[4], 30, 35, EngineKind::vector, 0);
  EXPECT_EQ(timeline.totals.cycles, 35);
  EXPECT_EQ(timeline.totals.busy[static_cast<size_t>(EngineKind::vector)], 65);
}

TEST(Simulate, AChannelThatWaitsDoesNotKeepTheOther) {
  Fixture f;
  f.device.dma.channels = 2;
  const Box box = lines(0, 10, 4);
  const int x = f.slot(80, 0), y = f.slot(80, 80);
  f.load(at(x, f.x, box));                                // 0-10 on channel 0
  f.compute(f.silu, {at(x, f.x, box)}, at(y, f.y, box));  // 10-20
  f.store(at(y, f.y, box));                               // 20-30 on channel 1, free first
  f.load(at(f.slot(80, 160), f.x, box));                  // 10-20 on channel 0
  const Timeline timeline = f.run();
  expect_span(timeline.spans[2], 20, 30, EngineKind::dma, 1);
  expect_span(timeline.spans[3], 10, 20, EngineKind::dma, 0);
}

TEST(Simulate, OneAtATimeIsTheSum) {
  Fixture f;
  f.device.concurrent = false;
  tiles(f, 2);
  // 4 tiles of load 10, silu 10, store 10.
  const Timeline timeline = f.run();
  EXPECT_EQ(timeline.totals.cycles, 120);
  for (size_t i = 1; i < timeline.spans.size(); ++i) {
    EXPECT_EQ(timeline.spans[i].begin, timeline.spans[i - 1].end);
  }
  // The first store follows 10 cycles of load, 10 of load, 10 of silu.
  EXPECT_EQ(timeline.spans[3].begin, 30);
}

TEST(Simulate, OneAtATimeStillHandsOver) {
  Fixture f;
  f.device.concurrent = false;
  f.device.hand_over_cycles = 7;
  const Box box = lines(0, 10, 4);
  const int x = f.slot(80, 0), x2 = f.slot(80, 80), y = f.slot(80, 160);
  f.load(at(x, f.x, box));                                // 0-10
  f.load(at(x2, f.x, box));                               // 10-20
  f.compute(f.silu, {at(x, f.x, box)}, at(y, f.y, box));  // 20-30: handed over meanwhile
  f.store(at(y, f.y, box));                               // 37-47
  const Timeline timeline = f.run();
  expect_span(timeline.spans[2], 20, 30, EngineKind::vector);
  expect_span(timeline.spans[3], 37, 47, EngineKind::dma);
}

TEST(Simulate, TheHostReadsWhatWasStored) {
  Fixture f;
  const OpId host = f.made.on_host(f.y, f.made.tensor("h", {1, 20, 1, 4}));
  f.device.host.hand_over_cycles = 100;
  const TensorId h = f.made.work.op(host).output;
  const int y = f.slot(80, 0), again = f.slot(80, 80);
  f.compute(f.silu, {}, at(y, f.y, lines(0, 10, 4)));  // 0-10
  f.store(at(y, f.y, lines(0, 10, 4)));                // 10-20
  // 80 bytes there and 80 back at 4 a cycle: 100 + 40.
  f.host(host, {at(kDram, f.y, lines(0, 10, 4))}, at(kDram, h, lines(0, 10, 4)));  // 20-160
  f.load(at(again, f.x, lines(0, 10, 4)));                                         // 20-30
  f.load(at(again, h, lines(0, 10, 4)));                                           // 160-170
  const Timeline timeline = f.run();
  expect_span(timeline.spans[2], 20, 160, EngineKind::host);
  expect_span(timeline.spans[3], 20, 30, EngineKind::dma);
  expect_span(timeline.spans[4], 160, 170, EngineKind::dma);
  EXPECT_EQ(timeline.spans[4].waited, 130);
  EXPECT_EQ(timeline.spans[4].waited_for, 2);
}

TEST(Simulate, AGroupTakesWhatItEndsLater) {
  Fixture f;
  const Box box = lines(0, 10, 4);
  const int x = f.slot(80, 0), y = f.slot(80, 80), z = f.slot(80, 160);
  f.load(at(x, f.x, box));                                // group 0: 0-10
  f.compute(f.silu, {at(x, f.x, box)}, at(y, f.y, box));  // 10-20
  f.group = 1;
  f.load(at(z, f.x, lines(0, 5, 4)));  // 10-15, within the time of group 0
  f.group = 2;
  f.store(at(y, f.y, box));  // 20-30
  const Timeline timeline = f.run();
  ASSERT_EQ(timeline.groups.size(), 3u);
  EXPECT_EQ(timeline.groups[0].cycles, 20);
  EXPECT_EQ(timeline.groups[1].cycles, 0);
  EXPECT_EQ(timeline.groups[2].cycles, 10);
  EXPECT_EQ(timeline.groups[1].dram_bytes_read, 40);
  EXPECT_EQ(timeline.totals.cycles, 30);
}

TEST(Simulate, EnergyIsThatOfMacsElementsAndBytes) {
  Fixture f;
  const Box box = lines(0, 10, 4);
  const int x = f.slot(80, 0), y = f.slot(80, 80), z = f.slot(80, 160);
  f.load(at(x, f.x, box));                                // 80 bytes, both sides
  f.compute(f.silu, {at(x, f.x, box)}, at(y, f.y, box));  // 40 elements, 160 bytes
  f.compute(f.linear, {at(y, f.y, box), at(kDram, f.w, {})}, at(z, f.z, box));  // 160 MACs, 160
  EXPECT_EQ(f.run().totals.picojoules, 0);
  f.device.energy = {.per_mac = {0.5, 100, 100},
                     .per_vector_element = 3,
                     .per_dram_byte = 20,
                     .per_on_chip_byte = 2};
  EXPECT_DOUBLE_EQ(f.run().totals.picojoules, 160 * 0.5 + 40 * 3 + 80 * 20 + (80 + 160 + 160) * 2);
}

}  // namespace
}  // namespace edgefusion::npu
