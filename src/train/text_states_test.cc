#include "train/text_states.h"

#include <ATen/ATen.h>

#include <fstream>

#include "train/testing/train_case.h"

namespace edgefusion::train {
namespace {

const std::vector<std::string> kTexts = {"", "a red square", "a blue square of two colours"};

class TextStatesTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto model = pipeline::Model::open(kModel);
    ASSERT_TRUE(model) << model.error().message();
    model_ = *model;
  }

  TextStates open() const { return *TextStates::open(model_, at::kCPU); }

  /// How many texts were encoded.
  int64_t keep(TextStates& states, const std::vector<std::string>& texts) {
    int64_t encoded = 0;
    const Status kept = states.keep(texts, folder_, [&](int64_t done) { encoded = done; });
    EXPECT_TRUE(kept) << kept.error().message();
    return encoded;
  }

  fs::path kept_file() const { return fs::directory_iterator(folder_)->path() / "states.f16"; }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
  std::shared_ptr<const pipeline::Model> model_;
};

TEST_F(TextStatesTest, WhatIsKeptIsWhatTheEncoderGivesInHalves) {
  TextStates states = open();
  const at::Tensor encoded = *states.of(kTexts);
  EXPECT_EQ(keep(states, kTexts), 3);
  const at::Tensor kept = *states.of(kTexts);
  EXPECT_TRUE(at::equal(kept, encoded.to(at::kHalf).to(at::kFloat)));
  EXPECT_FALSE(at::equal(kept, encoded)) << "not taken from what is kept";
  const std::vector<std::string> back = {kTexts[2], kTexts[0]};
  EXPECT_TRUE(at::equal(states.of(back)->select(0, 0), kept.select(0, 2)));
}

TEST_F(TextStatesTest, TextsAreEncodedOnceAndOthersAgain) {
  TextStates states = open(), later = open(), other = open();
  EXPECT_EQ(keep(states, kTexts), 3);
  EXPECT_EQ(keep(later, kTexts), 0);
  EXPECT_TRUE(at::equal(*later.of(kTexts), *states.of(kTexts)));
  EXPECT_EQ(keep(other, {"a dog"}), 1);
}

TEST_F(TextStatesTest, AFileThatIsCutIsTold) {
  TextStates states = open();
  keep(states, kTexts);
  fs::resize_file(kept_file(), fs::file_size(kept_file()) - 2);
  const Status cut = open().keep(kTexts, folder_);
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().message().find("delete the folder"), std::string::npos);
}

TEST(KeptStates, ZerosAtTheEndTakeNoRoom) {
  const TemporaryFolder folder;
  at::Tensor states = at::ones({2, 4, 8});
  states[0].narrow(0, 1, 3).zero_();
  states[1].narrow(0, 1, 1).zero_();  // in the middle: stays
  std::vector<at::Tensor> batches = {at::empty({0}), states};
  const auto next = [&]() -> Result<at::Tensor> {
    const at::Tensor batch = batches.back();
    batches.pop_back();
    return batch;
  };
  ASSERT_TRUE(KeptStates::write(folder.path(), next));
  EXPECT_EQ(fs::file_size(folder.path() / "states.f16"), (1 + 4) * 8 * 2);
  const auto kept = KeptStates::open(folder.path(), 2, 4, 8);
  ASSERT_TRUE(kept) << kept.error().message();
  EXPECT_TRUE(at::equal(kept->of(0), states[0]));
  EXPECT_TRUE(at::equal(kept->of(1), states[1]));
  EXPECT_FALSE(KeptStates::open(folder.path(), 3, 4, 8));
}

TEST(KeptStates, WhatNoHalfHoldsIsRefused) {
  const TemporaryFolder folder;
  const auto next = []() -> Result<at::Tensor> { return at::full({1, 2, 2}, 1e6); };
  const Status written = KeptStates::write(folder.path(), next);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message().find("half precision"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::train
