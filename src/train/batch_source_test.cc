#include "train/batch_source.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/testing/temporary_folder.h"
#include "train/captioned_pictures.h"
#include "train/testing/train_case.h"

namespace edgefusion::train {
namespace {

/// Pictures that are not the same when they are mirrored: a colour at the left, black at the right.
std::string half_picture(uint8_t red, uint8_t green) {
  formats::Image image{.width = 32, .height = 32, .channels = 3, .pixels = {}};
  for (int i = 0; i < 32 * 32; ++i) {
    const bool left = i % 32 < 16;
    for (const uint8_t value : {red, green, uint8_t{30}}) {
      image.pixels.push_back(left ? value : uint8_t{0});
    }
  }
  const auto bytes = *formats::encode_png(image);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class BatchSourceTest : public TrainUnetTest {
 protected:
  void SetUp() override {
    TrainUnetTest::SetUp();
    shards::write_shard(folder_ / "a.tar",
                        {{"0.png", half_picture(250, 20)},
                         {"0.txt", "a ball"},
                         {"1.png", half_picture(20, 250)},
                         {"1.txt", "a ball and a box"},
                         {"1.json", R"({"captions": ["a ball left of a box"]})"}});
    const auto model = pipeline::Model::open(kModel);
    ASSERT_TRUE(model) << model.error().message();
    model_ = *model;
  }

  LatentCache cache(const TrainConfig& c) const {
    const ReadingSinks sinks = {[](LogLevel, std::string_view) {}, nullptr};
    auto opened = LatentCache::open(c, *model_, folder_, sinks);
    EXPECT_TRUE(opened) << opened.error().message();
    return *std::move(opened);
  }

  std::vector<Batch> first_batches(const TrainConfig& c, int64_t count) const {
    BatchSource source(c, cache(c), *TextStates::open(model_, at::kCPU), 1000);
    std::vector<Batch> batches;
    for (int64_t number = 0; number < count; ++number) {
      auto batch = source.batch(number);
      EXPECT_TRUE(batch) << batch.error().message();
      batches.push_back(*std::move(batch));
    }
    return batches;
  }

  /// Of the samples of so many batches, whether each comes without its caption.
  std::vector<bool> dropped(const TrainConfig& c, int64_t count) const {
    std::vector<bool> found;
    for (const Batch& batch : first_batches(c, count)) {
      for (int64_t i = 0; i < c.batch; ++i) {
        found.push_back(at::equal(batch.states[i], batch.without[i]));
      }
    }
    return found;
  }

  std::shared_ptr<const pipeline::Model> model_;
};

/// Root mean square.
double spread_of(const at::Tensor& values) {
  return std::sqrt(values.to(at::kDouble).square().mean().item<double>());
}

TEST_F(BatchSourceTest, OnlyPicturesWhoseCaptionsAllowItAreMirrored) {
  const TrainConfig c = config("out", 1);
  const LatentCache latents = cache(c);
  const std::vector<int64_t> all = {0, 1};
  const at::Tensor plain = latents.latents(all, std::vector<uint8_t>{0, 0});
  const at::Tensor mirrored = latents.latents(all, std::vector<uint8_t>{1, 1});
  ASSERT_GT((plain - mirrored).abs().max().item<float>(), 0.05f);

  BatchSource batches(c, latents, *TextStates::open(model_, at::kCPU), 1000);
  int as_it_is[2] = {0, 0}, turned[2] = {0, 0};
  for (int64_t number = 0; number < 12; ++number) {
    const auto batch = batches.batch(number);
    ASSERT_TRUE(batch) << batch.error().message();
    for (int64_t i = 0; i < c.batch; ++i) {
      for (int64_t sample = 0; sample < 2; ++sample) {
        as_it_is[sample] += at::equal(batch->clean[i], plain[sample]) ? 1 : 0;
        turned[sample] += at::equal(batch->clean[i], mirrored[sample]) ? 1 : 0;
      }
    }
  }
  EXPECT_EQ(as_it_is[0] + turned[0], 18);
  EXPECT_GT(as_it_is[0], 3);
  EXPECT_GT(turned[0], 3);
  EXPECT_EQ(as_it_is[1], 18) << "the second caption of the sample says left";
}

TEST_F(BatchSourceTest, TheShareAskedForComesWithoutCaptionAndTheSeedSaysWhich) {
  TrainConfig c = config("out", 1);
  c.batch = 16;
  c.seed = 5;
  const auto count = [](const std::vector<bool>& flags) { return std::ranges::count(flags, true); };
  c.caption_dropout = 0;
  EXPECT_EQ(count(dropped(c, 10)), 0);
  c.caption_dropout = 1;
  EXPECT_EQ(count(dropped(c, 10)), 160);
  c.caption_dropout = 0.5;
  const std::vector<bool> half = dropped(c, 20);
  EXPECT_NEAR(static_cast<double>(count(half)), 160,
              36);  // four deviations of 320 throws of a coin
  c.batch = 8;
  EXPECT_EQ(dropped(c, 40), half) << "a sample's position decides, not its batch";
  c.seed = 6;
  EXPECT_NE(dropped(c, 40), half);
}

// The mean of a channel of P independent values has a deviation of 1 / sqrt(P); the shift comes on
// top, another one for every channel of every sample.
TEST_F(BatchSourceTest, NoiseHasAShiftOfTheSizeAskedForInEveryChannel) {
  TrainConfig c = config("out", 1);
  c.batch = 20;
  for (const double offset : {0.0, 0.5}) {
    SCOPED_TRACE(offset);
    c.noise_offset = offset;
    std::vector<at::Tensor> parts;
    for (const Batch& batch : first_batches(c, 20)) parts.push_back(batch.noise);
    const at::Tensor noise = at::cat(parts);  // [400,4,4,4], channels last
    const auto pixels = static_cast<double>(noise.size(1) * noise.size(2));
    const at::Tensor channels = noise.mean(at::IntArrayRef{1, 2}, /*keepdim=*/true);
    const double expected = std::sqrt(1 / pixels + offset * offset);
    EXPECT_NEAR(spread_of(channels), expected, 0.1 * expected);
    EXPECT_NEAR(spread_of(channels.mean(3)), expected / 2, 0.15 * expected / 2) << "4 channels";
    EXPECT_NEAR(spread_of(noise - channels), std::sqrt(1 - 1 / pixels), 0.02);
  }
}

TEST(CaptionedPictures, ASquareLiesWhereTheSeedSaysUnlessACaptionTellsOfSides) {
  // Twice as wide as high; brighter to the right.
  formats::Image image{.width = 64, .height = 32, .channels = 3, .pixels = {}};
  for (int i = 0; i < 64 * 32 * 3; ++i) {
    image.pixels.push_back(static_cast<uint8_t>(i / 3 % 64 * 4));
  }
  const auto bytes = *formats::encode_png(image);
  const std::string png(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const TemporaryFolder folder;
  const fs::path shard = folder.path() / "wide.tar";
  std::vector<std::pair<std::string, std::string>> members;
  for (int i = 0; i < 40; ++i) {
    members.emplace_back(std::to_string(i) + ".png", png);
    members.emplace_back(std::to_string(i) + ".txt", i < 20 ? "a beach" : "a ball on the left");
  }
  shards::write_shard(shard, members);
  const auto brightness = [&](const PictureSource& source) {
    std::vector<double> means;
    const ReadingSinks sinks = {[](LogLevel, std::string_view) {}, nullptr};
    const Status read = read_captioned_pictures(source, sinks, [&](CaptionedPicture sample) {
      means.push_back(sample.picture.mean().item<double>());
      return Status();
    });
    EXPECT_TRUE(read) << read.error().message();
    return means;
  };
  const std::vector<double> middle = brightness({{shard}, 32});
  const std::vector<double> random = brightness({{shard}, 32, true, 7});
  EXPECT_EQ(random, brightness({{shard}, 32, true, 7}));
  EXPECT_NE(random, brightness({{shard}, 32, true, 8}));
  double least = 1, most = -1;
  for (size_t i = 0; i < random.size(); ++i) {
    EXPECT_EQ(middle[i], middle[0]);
    if (i >= 20) {
      EXPECT_EQ(random[i], middle[i]) << "a side was told";
    }
    least = std::min(least, random[i] - middle[i]);
    most = std::max(most, random[i] - middle[i]);
  }
  // A square may lie 16 columns off, each 4 of 127.5 brighter than the one before.
  EXPECT_LT(least, -0.3);
  EXPECT_GT(most, 0.3);
  EXPECT_LE(std::max(most, -least), 16 * 4 / 127.5 + 1e-6);
  fs::remove(shard);
}

TEST_F(BatchSourceTest, LatentsInBytesAreCloseToThoseInHalves) {
  TrainConfig c = config("out", 1);
  const std::vector<int64_t> all = {0, 1};
  const std::vector<uint8_t> one_mirrored = {0, 1};
  const at::Tensor halves = cache(c).latents(all, one_mirrored);
  c.latents = "u8";
  const LatentCache bytes = cache(c);  // in a folder of its own
  const at::Tensor found = bytes.latents(all, one_mirrored);
  const float spread = (halves.max() - halves.min()).item<float>();
  EXPECT_LE((found - halves).abs().max().item<float>(), spread / 255 * 0.51f);
  EXPECT_FALSE(at::equal(found, halves));
  EXPECT_TRUE(at::equal(cache(c).latents(all, one_mirrored), found)) << "read again";
}

}  // namespace
}  // namespace edgefusion::train
