#include "profile/compare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "profile/testing/sample_profile.h"

namespace edgefusion::profile {
namespace {

TEST(Compare, OnlyWhatIsBeyondTheNoiseOfBothIsAChange) {
  const Samples before = {{10, 11, 10.4}};                               // noise 0.4
  EXPECT_EQ(verdict_of(before, {{10.5, 11.5, 10.9}}), Verdict::same);    // noise 0.4, by 0.5
  EXPECT_EQ(verdict_of(before, {{11.3, 11.5, 11.4}}), Verdict::slower);  // noise 0.1, by 1.0
  EXPECT_EQ(verdict_of(before, {{9.5, 9.4, 9.3}}), Verdict::faster);     // noise 0.1, by 1.0
  EXPECT_EQ(verdict_of(before, {{11.3, 99, 11.4}}), Verdict::slower);    // one that was disturbed
  EXPECT_EQ(verdict_of(before, {{9.9, 99, 98}}), Verdict::same);         // most were
  EXPECT_EQ(verdict_of(before, {{20, 20}}), Verdict::unknown) << "two requests tell no noise";
}

TEST(Compare, AStepThatBecameSlowComesFirst) {
  const Profile before = sample_recording().profile;
  Profile after = before;
  after.parts[1].time.ms = {20, 20, 20.5};
  after.parts[0].time.ms = {8.1, 9, 8.6};
  const auto comparison = compare(before, "old.json", after);
  ASSERT_TRUE(comparison) << comparison.error().message();
  EXPECT_EQ(comparison->parts[0].name, "unet/up_blocks.1.norm");
  EXPECT_EQ(comparison->parts[0].verdict, Verdict::slower);
  EXPECT_EQ(comparison->parts[1].verdict, Verdict::same);
  EXPECT_EQ(comparison->whole.verdict, Verdict::same);
  const std::string table = comparison_table(*comparison);
  EXPECT_NE(table.find("unet/up_blocks.1.norm"), std::string::npos);
  EXPECT_NE(table.find("1 of 4 steps changed beyond the noise"), std::string::npos) << table;
}

TEST(Compare, StepsThatCameAndWentAreTold) {
  const Profile before = sample_recording().profile;
  Profile after = before;
  after.parts[1].name = "up_blocks.1.norm:u8";
  after.subject.precision = "int8";
  const auto comparison = compare(before, "old.json", after);
  ASSERT_TRUE(comparison);
  const auto verdict = [&](const char* name) {
    return std::ranges::find(comparison->parts, name, &Change::name)->verdict;
  };
  EXPECT_EQ(verdict("unet/up_blocks.1.norm"), Verdict::removed);
  EXPECT_EQ(verdict("unet/up_blocks.1.norm:u8"), Verdict::added);
  ASSERT_EQ(comparison->circumstances.size(), 1u);
  EXPECT_EQ(comparison->circumstances[0], "precision: int8, was bf16");
}

TEST(Compare, RefusesAnotherModelOrSize) {
  const Profile after = sample_recording().profile;
  const auto refused = [&](const Profile& before, const std::string& part) {
    const auto comparison = compare(before, "old.json", after);
    ASSERT_FALSE(comparison);
    EXPECT_NE(comparison.error().message().find(part), std::string::npos)
        << comparison.error().message();
  };
  Profile before = after;
  before.subject.model = "other";
  refused(before, "old.json: a profile of another model: other, expected a <model>");
  before = after;
  before.subject.width = 128;
  refused(before, "old.json: a profile of another size: 128x32, 2 steps, expected 64x32, 2 steps");
  before = after;
  before.subject.architecture = "1234";
  refused(before, "architecture 1234");
}

}  // namespace
}  // namespace edgefusion::profile
