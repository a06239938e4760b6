#include "eval/image_text_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/testing/temporary_folder.h"
#include "eval/picture_features.h"
#include "eval/step_scores.h"
#include "eval/testing/random_scorer.h"

// That its figures are those of training: tests/parity/image_text_test.cc.

namespace edgefusion::eval {
namespace {

namespace fs = std::filesystem;

using testing::picture;

class ImageTextModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_scorer(folder_);
    auto runtime = Runtime::make(2, "", [](LogLevel, std::string_view) {});
    ASSERT_TRUE(runtime);
    runtime_.emplace(std::move(*runtime));
  }

  void expect_refused(const std::string& says) const { expect_refused(says, folder_); }
  void expect_refused(const std::string& says, const fs::path& folder) const {
    const auto opened = ImageTextModel::open(folder, *runtime_);
    ASSERT_FALSE(opened) << says;
    EXPECT_NE(opened.error().message().find(says), std::string::npos) << opened.error().message();
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
  std::optional<Runtime> runtime_;
};

double length_of(const Tensor& rows, int64_t i) {
  double squares = 0;
  for (int64_t c = 0; c < rows.shape()[1]; ++c) {
    squares += std::pow(rows.values<float>()[static_cast<size_t>(i * rows.shape()[1] + c)], 2);
  }
  return std::sqrt(squares);
}

void expect_row_equal(const Tensor& a, int64_t i, const Tensor& b, int64_t j) {
  const int64_t width = a.shape()[1];
  ASSERT_EQ(width, b.shape()[1]);
  for (int64_t c = 0; c < width; ++c) {
    EXPECT_NEAR(a.values<float>()[static_cast<size_t>(i * width + c)],
                b.values<float>()[static_cast<size_t>(j * width + c)], 1e-5);
  }
}

TEST_F(ImageTextModelTest, AResultDoesNotDependOnWhatElseIsAsked) {
  auto model = ImageTextModel::open(folder_, *runtime_);
  ASSERT_TRUE(model) << model.error().message();
  std::vector<formats::Image> pictures;
  for (int i = 0; i < 11; ++i) {
    pictures.push_back(picture(16 + i, 20, static_cast<uint8_t>(20 * i), 200));
  }
  const auto all = model->of_pictures(pictures);
  ASSERT_TRUE(all) << all.error().message();
  EXPECT_EQ(all->features.shape(), (Shape{11, 16}));
  EXPECT_EQ(all->embeddings.shape(), (Shape{11, 10}));
  const auto one = model->of_pictures(std::span(pictures).subspan(9, 1));
  ASSERT_TRUE(one);
  expect_row_equal(all->features, 9, one->features, 0);
  expect_row_equal(all->embeddings, 9, one->embeddings, 0);
  EXPECT_NEAR(length_of(all->embeddings, 3), 1.0, 1e-5);

  FeatureCollector collector(*model);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(collector.add(pictures[static_cast<size_t>(i) % 11]));
  const auto collected = collector.finish();
  ASSERT_TRUE(collected);
  EXPECT_EQ(collected->count(), 40);
  expect_row_equal(collected->features, 38, all->features, 38 % 11);

  std::vector<std::string> texts(19, "a red fox");
  texts[17] = "blue";
  const auto embeddings = model->of_texts(texts);
  ASSERT_TRUE(embeddings) << embeddings.error().message();
  const auto blue = model->of_texts(std::vector<std::string>{"blue"});
  ASSERT_TRUE(blue);
  expect_row_equal(*embeddings, 17, *blue, 0);
  EXPECT_NEAR(length_of(*embeddings, 0), 1.0, 1e-5);
}

TEST_F(ImageTextModelTest, AnyTextThatIsUtf8IsTaken) {
  auto model = ImageTextModel::open(folder_, *runtime_);
  ASSERT_TRUE(model);
  const std::vector<std::string> odd = {"", "   ", std::string(100000, 'a'), "\xf0\x9f\xa6\x8a",
                                        std::string("a\0b", 3)};
  const auto embeddings = model->of_texts(odd);
  ASSERT_TRUE(embeddings) << embeddings.error().message();
  for (int64_t i = 0; i < 5; ++i) EXPECT_NEAR(length_of(*embeddings, i), 1.0, 1e-5) << i;
  const auto broken = model->of_texts(std::vector<std::string>{"a", "b\xff"});
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message().find("text 2"), std::string::npos) << broken.error().message();
}

TEST_F(ImageTextModelTest, ClassProbabilitiesAreASoftmaxOfCosines) {
  auto model = ImageTextModel::open(folder_, *runtime_);
  ASSERT_TRUE(model);
  const std::vector<formats::Image> pictures = {picture(16, 16, 250, 10), picture(16, 16, 10, 250)};
  const std::vector<std::string> classes = {"red", "green", "a fox"};
  const auto features = model->of_pictures(pictures);
  const auto texts = model->of_texts(classes);
  const auto found = model->class_probabilities(*features, classes);
  ASSERT_TRUE(found) << found.error().message();
  ASSERT_EQ(found->shape(), (Shape{2, 3}));
  for (size_t n = 0; n < 2; ++n) {
    std::vector<double> expected;
    double sum = 0;
    for (size_t k = 0; k < 3; ++k) {
      double cosine = 0;
      for (size_t i = 0; i < 10; ++i) {
        cosine +=
            features->embeddings.values<float>()[n * 10 + i] * texts->values<float>()[k * 10 + i];
      }
      expected.push_back(std::exp(std::exp(2.0) * cosine));
      sum += expected.back();
    }
    for (size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(found->values<float>()[n * 3 + k], expected[k] / sum, 1e-5);
    }
  }
}

TEST_F(ImageTextModelTest, PromptsAreScoredWithAndWithoutAReference) {
  auto model = ImageTextModel::open(folder_, *runtime_);
  ASSERT_TRUE(model);
  const std::vector<formats::Image> pictures = {picture(16, 16, 250, 10), picture(16, 16, 10, 250)};
  auto features = model->of_pictures(pictures);
  ASSERT_TRUE(features);
  auto yardstick =
      make_yardstick(*model, std::vector<std::string>{"red", "green"}, {"red", "green", "blue"});
  ASSERT_TRUE(yardstick) << yardstick.error().message();
  const auto without = score_prompts(*model, *yardstick, *features, true);
  ASSERT_TRUE(without) << without.error().message();
  EXPECT_FALSE(without->frechet_distance);
  EXPECT_EQ(without->recall_at_5, 1.0);
  EXPECT_GE(without->inception_score, 1.0);
  EXPECT_LE(without->inception_score, 3.0);
  yardstick->reference = std::move(*features);
  const auto with = score_prompts(*model, *yardstick, *yardstick->reference, true);
  ASSERT_TRUE(with && with->frechet_distance);
  EXPECT_NEAR(*with->frechet_distance, 0.0, 1e-4) << "the pictures themselves";
}

TEST_F(ImageTextModelTest, AFolderThatDoesNotFitIsRefusedByName) {
  auto tensors = testing::scorer_tensors();
  const auto spoil = [&](const std::string& name, Tensor tensor) {
    auto spoilt = testing::scorer_tensors();
    spoilt[name] = std::move(tensor);
    testing::write_tensors(folder_ / "model.safetensors", spoilt);
  };
  spoil(models::kTextProjection, testing::noise({10, 47}, 1));
  expect_refused("text_projection.weight: shape [10,47], expected shape [10,48]");
  spoil(models::kLogitScale, Tensor::from_f32({1}, std::vector<float>{std::nanf("")}));
  expect_refused("logit_scale: holds values that are no numbers");
  spoil("image_tower.stranger", testing::noise({2}, 1));
  expect_refused("image_tower.stranger");
  tensors.erase("image_projection.weight");
  testing::write_tensors(folder_ / "model.safetensors", tensors);
  expect_refused("image_projection.weight");
  testing::write_tensors(folder_ / "model.safetensors", testing::scorer_tensors());
  auto config = testing::scorer_config();
  config["text_tokens"] = 500;
  testing::write_text(folder_ / "config.json", config.dump());
  expect_refused("tokens: 500");
  testing::write_text(folder_ / "config.json", "{");
  expect_refused("config.json");
  fs::remove(folder_ / "config.json");
  expect_refused(folder_.string());
  for (const char* other : {"tests/goldens/taesd/narrow", "models/emoji-v0"}) {
    expect_refused("expected an image-text model", fs::path(EF_SOURCE_DIR) / other);
  }
}

}  // namespace
}  // namespace edgefusion::eval
