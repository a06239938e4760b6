#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <string>

#include "npu/simulate.h"
#include "npu/testing/random_schedule.h"
#include "npu/testing/small_work.h"

namespace edgefusion::npu {
namespace {

constexpr uint32_t kSeeds = 300;
constexpr size_t kCommands = 80;

int64_t pick(std::mt19937& random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

/// Engines of all counts; times of commands that differ.
Device random_device(uint32_t seed) {
  std::mt19937 random(seed);
  Device device = small_device();
  device.tensor.count = static_cast<int>(pick(random, 1, 3));
  device.vector.count = static_cast<int>(pick(random, 1, 3));
  device.dma.channels = static_cast<int>(pick(random, 1, 3));
  device.tensor.align_outputs = pick(random, 1, 4);
  device.tensor.setup_cycles = pick(random, 0, 5);
  device.vector.setup_cycles = pick(random, 0, 5);
  device.dma.setup_cycles = pick(random, 0, 5);
  device.host.hand_over_cycles = pick(random, 0, 20);
  device.hand_over_cycles = pick(random, 0, 3) * 2;
  device.concurrent = pick(random, 0, 3) > 0;
  device.energy = {
      .per_mac = {1, 2, 3}, .per_vector_element = 0.5, .per_dram_byte = 20, .per_on_chip_byte = 2};
  return device;
}

/// From the rule and hazards() alone, command after command.
std::vector<Span> by_the_rule(const Device& device, const RandomSchedule& random) {
  const std::vector<std::vector<int32_t>> waits = hazards(random.schedule());
  std::vector<Span> spans;
  for (size_t i = 0; i < waits.size(); ++i) {
    const CommandCost cost = command_cost(device, random.work(), random.schedule().commands[i]);
    std::vector<double> free_at(static_cast<size_t>(unit_count(device, cost.engine)), 0);
    for (const Span& span : spans) {
      if (span.engine == cost.engine) free_at[static_cast<size_t>(span.unit)] = span.end;
    }
    Span span{.engine = cost.engine};
    for (size_t unit = 1; unit < free_at.size(); ++unit) {
      if (free_at[unit] < free_at[static_cast<size_t>(span.unit)]) {
        span.unit = static_cast<int>(unit);
      }
    }
    span.begin = free_at[static_cast<size_t>(span.unit)];
    if (!device.concurrent && i > 0) span.begin = std::max(span.begin, spans.back().end);
    for (const int32_t earlier : waits[i]) {
      const Span& other = spans[static_cast<size_t>(earlier)];
      const bool hands_over = other.engine != span.engine;
      span.begin =
          std::max(span.begin,
                   other.end + (hands_over ? static_cast<double>(device.hand_over_cycles) : 0.0));
    }
    span.end = span.begin + cost.cycles;
    spans.push_back(span);
  }
  return spans;
}

TEST(SimulateProperties, TimesAreThoseOfTheRule) {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const RandomSchedule random(seed, kCommands);
    const Device device = random_device(seed);
    const Timeline timeline = simulate(device, random.work(), random.schedule());
    const std::vector<Span> expected = by_the_rule(device, random);
    for (size_t i = 0; i < kCommands; ++i) {
      ASSERT_EQ(timeline.spans[i].begin, expected[i].begin) << "seed " << seed << ", " << i;
      ASSERT_EQ(timeline.spans[i].end, expected[i].end) << "seed " << seed << ", " << i;
      ASSERT_EQ(timeline.spans[i].unit, expected[i].unit) << "seed " << seed << ", " << i;
    }
    EXPECT_EQ(simulated_cycles(device, random.work(), random.schedule()), timeline.totals.cycles);
  }
}

TEST(SimulateProperties, NoUnitDoesTwoThingsAtATime) {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const RandomSchedule random(seed, kCommands);
    const Device device = random_device(seed);
    const Timeline timeline = simulate(device, random.work(), random.schedule());
    std::map<std::pair<EngineKind, int>, double> free_at;
    for (const Span& span : timeline.spans) {
      ASSERT_LT(span.unit, unit_count(device, span.engine));
      double& free = free_at[{span.engine, span.unit}];
      ASSERT_EQ(span.waited, span.begin - free);
      ASSERT_GE(span.waited, 0);
      ASSERT_EQ(span.waited > 0, span.waited_for >= 0);
      free = span.end;
    }
  }
}

TEST(SimulateProperties, NothingIsLostInTheTotals) {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const RandomSchedule random(seed, kCommands);
    const Device device = random_device(seed);
    const Timeline timeline = simulate(device, random.work(), random.schedule());
    Totals sum;
    for (size_t i = 0; i < kCommands; ++i) {
      const CommandCost cost = command_cost(device, random.work(), random.schedule().commands[i]);
      EXPECT_DOUBLE_EQ(timeline.spans[i].end, timeline.spans[i].begin + cost.cycles);
      sum.cycles = std::max(sum.cycles, timeline.spans[i].end);
      sum.busy[static_cast<size_t>(cost.engine)] += cost.cycles;
      sum.macs += cost.macs;
      sum.vector_elements += cost.vector_elements;
      sum.dram_bytes_read += cost.dram_bytes_read;
      sum.dram_bytes_written += cost.dram_bytes_written;
      sum.on_chip_bytes += cost.on_chip_bytes;
    }
    const Totals& totals = timeline.totals;
    EXPECT_EQ(totals.cycles, sum.cycles);
    EXPECT_EQ(totals.busy, sum.busy);
    EXPECT_EQ(totals.macs, sum.macs);
    EXPECT_EQ(totals.vector_elements, sum.vector_elements);
    EXPECT_EQ(totals.dram_bytes_read, sum.dram_bytes_read);
    EXPECT_EQ(totals.dram_bytes_written, sum.dram_bytes_written);
    EXPECT_EQ(totals.on_chip_bytes, sum.on_chip_bytes);
    EXPECT_NEAR(totals.picojoules,
                static_cast<double>(sum.macs) + 0.5 * static_cast<double>(sum.vector_elements) +
                    20.0 * static_cast<double>(sum.dram_bytes_read + sum.dram_bytes_written) +
                    2.0 * static_cast<double>(sum.on_chip_bytes),
                1e-9 * totals.picojoules);
    for (size_t kind = 0; kind < kEngineKinds; ++kind) {
      const int units = unit_count(device, static_cast<EngineKind>(kind));
      EXPECT_LE(totals.busy[kind], totals.cycles * units * (1 + 1e-12));
    }
  }
}

TEST(SimulateProperties, GroupsSumToTheWhole) {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const RandomSchedule random(seed, kCommands);
    const Timeline timeline = simulate(random_device(seed), random.work(), random.schedule());
    Totals sum;
    for (const Totals& group : timeline.groups) {
      EXPECT_GE(group.cycles, 0);
      sum.cycles += group.cycles;
      for (size_t kind = 0; kind < kEngineKinds; ++kind) sum.busy[kind] += group.busy[kind];
      sum.macs += group.macs;
      sum.vector_elements += group.vector_elements;
      sum.dram_bytes_read += group.dram_bytes_read;
      sum.dram_bytes_written += group.dram_bytes_written;
      sum.on_chip_bytes += group.on_chip_bytes;
      sum.picojoules += group.picojoules;
    }
    const Totals& totals = timeline.totals;
    EXPECT_NEAR(sum.cycles, totals.cycles, 1e-9 * totals.cycles);
    for (size_t kind = 0; kind < kEngineKinds; ++kind) {
      EXPECT_NEAR(sum.busy[kind], totals.busy[kind], 1e-9 * totals.busy[kind]);
    }
    EXPECT_EQ(sum.macs, totals.macs);
    EXPECT_EQ(sum.vector_elements, totals.vector_elements);
    EXPECT_EQ(sum.dram_bytes_read, totals.dram_bytes_read);
    EXPECT_EQ(sum.dram_bytes_written, totals.dram_bytes_written);
    EXPECT_EQ(sum.on_chip_bytes, totals.on_chip_bytes);
    EXPECT_NEAR(sum.picojoules, totals.picojoules, 1e-9 * totals.picojoules);
  }
}

// Whatever is better in a device, no command ends later, with any number of units: commands are
// taken in order, so that what Graham (1969) saw of lists of jobs cannot happen.
struct Better {
  std::string what;
  std::function<void(Device&, std::mt19937&)> apply;
};

std::vector<Better> ways_to_be_better() {
  const auto faster = [](double& rate, std::mt19937& random) {
    rate *= 1 + 0.1 * static_cast<double>(pick(random, 0, 40));
  };
  const auto less = [](int64_t& cycles, std::mt19937& random) { cycles = pick(random, 0, cycles); };
  return {
      {"bandwidth", [=](Device& d, std::mt19937& r) { faster(d.dma.bytes_per_cycle, r); }},
      {"macs", [=](Device& d, std::mt19937& r) { faster(d.tensor.macs_per_cycle[0], r); }},
      {"vector", [=](Device& d, std::mt19937&) { d.vector.cycles.fill(0.7); }},
      {"lanes", [=](Device& d, std::mt19937& r) { d.vector.lanes *= pick(r, 1, 3); }},
      {"host", [=](Device& d, std::mt19937& r) { faster(d.host.bytes_per_cycle, r); }},
      {"host hand-over", [=](Device& d, std::mt19937& r) { less(d.host.hand_over_cycles, r); }},
      {"hand-over", [=](Device& d, std::mt19937& r) { less(d.hand_over_cycles, r); }},
      {"set-up", [=](Device& d, std::mt19937& r) { less(d.dma.setup_cycles, r); }},
      {"tensor engines", [](Device& d, std::mt19937& r) { d.tensor.count += pick(r, 0, 2); }},
      {"vector engines", [](Device& d, std::mt19937& r) { d.vector.count += pick(r, 0, 2); }},
      {"channels", [](Device& d, std::mt19937& r) { d.dma.channels += pick(r, 0, 2); }},
      {"concurrency", [](Device& d, std::mt19937&) { d.concurrent = true; }},
  };
}

TEST(SimulateProperties, ABetterDeviceIsNeverSlower) {
  for (const Better& better : ways_to_be_better()) {
    size_t faster = 0;
    for (uint32_t seed = 0; seed < kSeeds; ++seed) {
      const RandomSchedule random(seed, kCommands);
      const Device device = random_device(seed);
      Device other = device;
      std::mt19937 engine(seed);
      better.apply(other, engine);
      const Timeline before = simulate(device, random.work(), random.schedule());
      const Timeline after = simulate(other, random.work(), random.schedule());
      bool any_faster = false;
      for (size_t i = 0; i < kCommands; ++i) {
        any_faster = any_faster || after.spans[i].end < before.spans[i].end;
        ASSERT_LE(after.spans[i].end, before.spans[i].end * (1 + 1e-12))
            << better.what << ", seed " << seed << ", command " << i;
      }
      faster += any_faster ? 1 : 0;
    }
    EXPECT_GT(faster, 0u) << better.what;
  }
}

}  // namespace
}  // namespace edgefusion::npu
