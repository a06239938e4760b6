#include <gtest/gtest.h>

#include <set>

#include "npu/simulate.h"
#include "npu/testing/random_schedule.h"
#include "npu/testing/small_work.h"

namespace edgefusion::npu {
namespace {

using Earlier = std::vector<int32_t>;

/// x [1,8,1,4] -> y -> z, all alike.
struct Fixture : SmallSchedule {
  SmallWork made;
  TensorId x = made.tensor("x", {1, 8, 1, 4}, TensorKind::input);
  TensorId y = made.tensor("y", {1, 8, 1, 4});
  TensorId z = made.tensor("z", {1, 8, 1, 4});
  OpId first = made.pointwise(x, y), second = made.pointwise(y, z);
  Box all = lines(0, 8, 4), top = lines(0, 4, 4), bottom = lines(4, 8, 4), middle = lines(3, 6, 4);

  Earlier of(size_t command) const { return hazards(schedule)[command]; }
};

TEST(Hazards, AReadWaitsForTheWritesOfItsPart) {
  Fixture f;
  const int x = f.slot(64, 0), y = f.slot(64, 64);
  f.load(part(x, f.x, f.all, f.top));                                            // 0
  f.load(part(x, f.x, f.all, f.bottom));                                         // 1
  f.compute(f.first, {part(x, f.x, f.all, f.top)}, part(y, f.y, f.all, f.top));  // 2
  f.compute(f.first, {part(x, f.x, f.all, f.bottom)}, part(y, f.y, f.all, f.bottom));
  f.store(part(y, f.y, f.all, f.middle));  // 4: of both
  EXPECT_EQ(f.of(0), Earlier{});
  EXPECT_EQ(f.of(1), Earlier{});
  EXPECT_EQ(f.of(2), Earlier{0});
  EXPECT_EQ(f.of(3), Earlier{1});
  EXPECT_EQ(f.of(4), (Earlier{2, 3}));
}

TEST(Hazards, AnotherContentWaitsForAllThatWasDoneWithTheOneBefore) {
  Fixture f;
  const int x = f.slot(64, 0), y = f.slot(64, 64);
  f.load(part(x, f.x, f.top, f.top));                                // 0
  f.compute(f.first, {at(x, f.x, f.top)}, at(y, f.y, f.top));        // 1
  f.load(part(x, f.x, f.bottom, lines(4, 5, 4)));                    // 2: bottom takes top's place
  f.load(part(x, f.x, f.bottom, lines(5, 8, 4)));                    // 3: and is not there whole
  f.compute(f.first, {at(x, f.x, f.bottom)}, at(y, f.y, f.bottom));  // 4
  EXPECT_EQ(f.of(2), (Earlier{0, 1}));
  EXPECT_EQ(f.of(3), (Earlier{0, 1}));
  EXPECT_EQ(f.of(4), (Earlier{0, 1, 2, 3}));  // 1: wrote y's other content
}

TEST(Hazards, ASlotOnTheSameBytesWaitsToo) {
  Fixture f;
  const int x = f.slot(64, 0), y = f.slot(64, 64), other = f.slot(32, 48);
  f.load(at(x, f.x, f.all));                                   // 0: bytes 0 to 63
  f.compute(f.first, {at(x, f.x, f.all)}, at(y, f.y, f.all));  // 1: bytes 64 to 127
  f.load(at(other, f.x, f.top));                               // 2: bytes 48 to 79
  const int low = f.slot(48, 0), high = f.slot(32, 80);
  f.load(at(low, f.x, f.top));   // 3: what 2 left of x
  f.load(at(high, f.x, f.top));  // 4: what 2 left of y
  EXPECT_EQ(f.of(2), (Earlier{0, 1}));
  EXPECT_EQ(f.of(3), (Earlier{0, 1}));
  EXPECT_EQ(f.of(4), (Earlier{1}));
}

TEST(Hazards, SlotsBesideEachOtherDoNotWait) {
  Fixture f;
  f.load(at(f.slot(64, 0), f.x, f.all));
  f.load(at(f.slot(64, 64), f.x, f.all));
  EXPECT_EQ(f.of(1), Earlier{});
}

TEST(Hazards, ALoadWaitsForTheStoresOfItsPart) {
  Fixture f;
  const int y = f.slot(64, 0), again = f.slot(64, 64);
  f.compute(f.first, {}, part(y, f.y, f.all, f.top));                // 0
  f.store(part(y, f.y, f.all, f.top));                               // 1
  f.compute(f.first, {}, part(y, f.y, f.all, f.bottom));             // 2
  f.store(part(y, f.y, f.all, f.bottom));                            // 3
  f.load(at(again, f.y, f.bottom));                                  // 4
  f.host(f.second, {at(kDram, f.y, f.all)}, at(kDram, f.z, f.all));  // 5
  f.load(at(again, f.z, f.top));                                     // 6
  f.load(at(again, f.x, f.top));                                     // 7: nobody stores x
  EXPECT_EQ(f.of(4), Earlier{3});
  EXPECT_EQ(f.of(5), (Earlier{1, 3}));
  EXPECT_EQ(f.of(6), (Earlier{4, 5}));
  EXPECT_EQ(f.of(7), Earlier{6});
}

TEST(Hazards, AnOpMayWriteWhereItsOperandWas) {
  Fixture f;
  const int slot = f.slot(64, 0);
  f.load(at(slot, f.x, f.all));                                      // 0
  f.compute(f.first, {at(slot, f.x, f.all)}, at(slot, f.y, f.all));  // 1
  f.store(at(slot, f.y, f.all));                                     // 2
  EXPECT_EQ(f.of(1), Earlier{0});
  EXPECT_EQ(f.of(2), Earlier{1});
}

TEST(Hazards, SumsGoOnFromTheLastOnesAlone) {
  Fixture f;
  const int y = f.slot(64, 0);
  f.compute(f.first, {}, at(y, f.y, f.all), Part::first);
  f.compute(f.first, {}, at(y, f.y, f.all), Part::more);
  f.compute(f.first, {}, at(y, f.y, f.all), Part::more);
  EXPECT_EQ(f.of(1), Earlier{0});
  EXPECT_EQ(f.of(2), Earlier{1});  // which waited for 0
}

/// Whether b must wait for a, from the rule alone.
bool conflict(const Schedule& schedule, const Access& a, const Access& b) {
  if (a.box.empty() || b.box.empty()) return false;
  if (a.slot == kDram || b.slot == kDram) {
    return a.slot == b.slot && a.tensor == b.tensor && a.box.overlaps(b.box);
  }
  const Slot& s = schedule.slots[static_cast<size_t>(a.slot)];
  const Slot& t = schedule.slots[static_cast<size_t>(b.slot)];
  if (a.slot == b.slot && a.tensor == b.tensor && a.held == b.held) return a.box.overlaps(b.box);
  if (a.slot == b.slot) return true;
  const int64_t s_end = s.offset + std::max<int64_t>(1, s.bytes);
  const int64_t t_end = t.offset + std::max<int64_t>(1, t.bytes);
  return s.offset < t_end && t.offset < s_end;
}

bool conflict(const Schedule& schedule, const Command& a, const Command& b) {
  const auto any = [&](const std::vector<Access>& of_a, const std::vector<Access>& of_b) {
    for (const Access& x : of_a) {
      for (const Access& y : of_b) {
        if (conflict(schedule, x, y)) return true;
      }
    }
    return false;
  };
  return any(a.writes, b.writes) || any(a.writes, b.reads) || any(a.reads, b.writes);
}

/// For each command all that end before it begins, by chains of waiting.
std::vector<std::set<int32_t>> closed(const std::vector<Earlier>& direct) {
  std::vector<std::set<int32_t>> result(direct.size());
  for (size_t i = 0; i < direct.size(); ++i) {
    for (const int32_t earlier : direct[i]) {
      result[i].insert(earlier);
      result[i].merge(std::set(result[static_cast<size_t>(earlier)]));
    }
  }
  return result;
}

TEST(Hazards, OrderEveryPairThatTouchesTheSamePart) {
  size_t pairs = 0;
  for (uint32_t seed = 0; seed < 400; ++seed) {
    const RandomSchedule random(seed, 60);
    const Schedule& schedule = random.schedule();
    const std::vector<Earlier> told = hazards(schedule);
    const std::vector<std::set<int32_t>> found = closed(told);
    for (size_t j = 0; j < schedule.commands.size(); ++j) {
      EXPECT_TRUE(std::ranges::is_sorted(told[j]));
      EXPECT_EQ(std::ranges::adjacent_find(told[j]), told[j].end());
      for (const int32_t i : told[j]) ASSERT_LT(i, static_cast<int32_t>(j));
      for (size_t i = 0; i < j; ++i) {
        if (!conflict(schedule, schedule.commands[i], schedule.commands[j])) continue;
        ++pairs;
        ASSERT_TRUE(found[j].contains(static_cast<int32_t>(i)))
            << "seed " << seed << ": " << j << " does not wait for " << i;
      }
    }
  }
  EXPECT_GT(pairs, 10000u);
}

/// Schedules in which every read is of what was written there: the rule, and no more than the rule.
TEST(Hazards, OrderNothingElse) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](int64_t low, int64_t high) {
      return std::uniform_int_distribution<int64_t>(low, high)(random);
    };
    Fixture f;
    for (int64_t i = 0; i < 4; ++i) f.slot(pick(1, 16), pick(0, 24));
    std::vector<Access> there;
    const auto overlap = [&](const Access& a, const Access& b) {
      return conflict(f.schedule, {a.slot, -2, {}, f.all}, {b.slot, -3, {}, f.all});
    };
    for (int i = 0; i < 50; ++i) {
      if (!there.empty() && pick(0, 1) == 0) {
        Access read = there[static_cast<size_t>(pick(0, static_cast<int64_t>(there.size()) - 1))];
        const int64_t line = pick(read.box.begin[kLines], read.box.end[kLines] - 1);
        read.box = f.all.with(kLines, line, pick(line + 1, read.box.end[kLines]));
        f.store(read);
        continue;
      }
      const int64_t line = pick(0, 7);
      const Access write = part(static_cast<int>(pick(0, 3)), pick(0, 2) == 0 ? f.x : f.y, f.all,
                                f.all.with(kLines, line, pick(line + 1, 8)));
      std::erase_if(there, [&](const Access& other) {
        const bool goes_on = other.slot == write.slot && other.tensor == write.tensor;
        return !goes_on && overlap(other, write);
      });
      there.push_back(write);
      f.load(write);
    }
    std::vector<Earlier> rule(f.schedule.commands.size());
    for (size_t j = 0; j < rule.size(); ++j) {
      for (size_t i = 0; i < j; ++i) {
        if (conflict(f.schedule, f.schedule.commands[i], f.schedule.commands[j])) {
          rule[j].push_back(static_cast<int32_t>(i));
        }
      }
    }
    ASSERT_EQ(closed(hazards(f.schedule)), closed(rule)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace edgefusion::npu
