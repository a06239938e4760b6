#include "train/run_config.h"

#include <gtest/gtest.h>

namespace edgefusion::train {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

TEST(ChangedFields, AreThoseThatChangeWhatIsLearned) {
  const json before = {{"batch", 8}, {"steps", 100}, {"seed", 1}};
  EXPECT_EQ(changed_fields(before, before), Texts{});
  EXPECT_EQ(changed_fields(before, {{"batch", 8}, {"steps", 200}, {"seed", 1}}), Texts{});
  EXPECT_EQ(changed_fields(before, {{"batch", 16}, {"steps", 100}}),
            (Texts{"batch: 16, 8 before", "seed: not said, 1 before"}));
}

TEST(ChangedFields, FilesMayLieInAnotherFolder) {
  const json before = {{"shards", {"a/one.tar", "a/two.tar"}}};
  EXPECT_EQ(changed_fields(before, {{"shards", {"/b/one.tar", "/b/two.tar"}}}), Texts{});
  EXPECT_EQ(changed_fields(before, {{"shards", {"a/one.tar"}}}).size(), 1u);
}

TEST(Fingerprint, TellsRunsApartThatLearnOtherThings) {
  const json config = {{"batch", 8}, {"shards", {"a/one.tar"}}, {"out", "x"}, {"steps", 5}};
  json same = config, other = config;
  same.update({{"shards", {"b/one.tar"}}, {"out", "y"}});
  other["batch"] = 9;
  EXPECT_EQ(fingerprint(config), fingerprint(same));
  EXPECT_NE(fingerprint(config), fingerprint(other));
}

TEST(ChangedFields, LongOnesAreCutAndOddBytesAreNoMatter) {
  const Texts changed = changed_fields({{"model", std::string(500, 'x') + "\xff"}}, json::object());
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_LT(changed[0].size(), 120u);
}

}  // namespace
}  // namespace edgefusion::train
