#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/runtime.h"
#include "core/testing/temporary_folder.h"
#include "eval/image_text_model.h"
#include "eval/testing/random_scorer.h"
#include "train/image_text_network.h"
#include "train/picture_encoder.h"
#include "train/tensors.h"
#include "train/text_means.h"

// A model that judges pictures, as training sees it (libtorch) and as `eval` does (the engine): the
// same vectors for the same pictures and texts.

namespace edgefusion::parity {
namespace {

namespace fs = std::filesystem;

constexpr double kBound = 2e-4;  // of numbers at most 1

double largest_difference(const at::Tensor& a, const Tensor& b) {
  return (a - train::to_torch(b.view())).abs().max().item<double>();
}

TEST(ImageTextParity, TrainingAndEvaluationSeeTheSame) {
  const TemporaryFolder temporary;
  const fs::path& folder = temporary.path();
  eval::testing::write_scorer(folder);
  const auto runtime = Runtime::make(2, "", stderr_log(LogLevel::error));
  ASSERT_TRUE(runtime);
  auto judged = eval::ImageTextModel::open(folder, *runtime);
  ASSERT_TRUE(judged) << judged.error().message();
  auto trained = train::ImageTextNetwork::make(eval::testing::scorer_config(), "config.json", 3);
  ASSERT_TRUE(trained) << trained.error().message();
  const auto parameters = trained->load(folder);
  ASSERT_TRUE(parameters) << parameters.error().message();

  std::vector<formats::Image> pictures;
  std::vector<at::Tensor> tensors;
  for (const auto& [width, height] : {std::pair{40, 40}, std::pair{16, 30}, std::pair{11, 9}}) {
    pictures.push_back(eval::testing::picture(width, height, 200, static_cast<uint8_t>(4 * width)));
    tensors.push_back(train::picture_tensor(pictures.back(), 16));
  }
  const auto found = judged->of_pictures(pictures);
  ASSERT_TRUE(found) << found.error().message();
  const at::Tensor expected = trained->embed_pictures(*parameters, at::stack(tensors), false);
  EXPECT_LT(largest_difference(expected, found->embeddings), kBound);

  const std::vector<std::string> texts = {"a red fox", "blue",
                                          "words that are far more than fit into twelve tokens"};
  const auto text_model = train::open_text_teacher(folder);
  ASSERT_TRUE(text_model) << text_model.error().message();
  const auto means = train::text_means(*text_model, texts, 12, folder);
  ASSERT_TRUE(means) << means.error().message();
  const auto embeddings = judged->of_texts(texts);
  ASSERT_TRUE(embeddings) << embeddings.error().message();
  EXPECT_LT(
      largest_difference(train::ImageTextNetwork::embed_texts(*parameters, *means), *embeddings),
      kBound);
}

}  // namespace
}  // namespace edgefusion::parity
