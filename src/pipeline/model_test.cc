#include "pipeline/model.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "core/testing/temporary_folder.h"

namespace edgefusion::pipeline {
namespace {

namespace fs = std::filesystem;

/// The default model, its files linked, so that single configs can be put in their place.
class ModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path source = EF_SOURCE_DIR "/models/emoji-v0";
    for (const auto& entry : fs::recursive_directory_iterator(source)) {
      const fs::path copy = folder_ / entry.path().lexically_relative(source);
      if (entry.is_directory()) {
        fs::create_directory(copy);
      } else {
        fs::create_symlink(entry.path(), copy);
      }
    }
  }

  /// Sets one key of a config.
  void set(const char* file, const char* key, nlohmann::json value) {
    std::ifstream in(folder_ / file);
    nlohmann::json config = nlohmann::json::parse(in);
    config[key] = std::move(value);
    replace(file, config.dump());
  }
  void replace(const char* file, const std::string& text) {
    fs::remove(folder_ / file);
    std::ofstream(folder_ / file) << text;
  }

  void expect_error(const char* part) const {
    const auto model = Model::open(folder_);
    ASSERT_FALSE(model) << part;
    EXPECT_NE(model.error().message().find(part), std::string::npos) << model.error().message();
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
};

TEST_F(ModelTest, TellsHowItsPartsFit) {
  const auto model = Model::open(folder_);
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ((*model)->latent_space().channels, 4);
  EXPECT_EQ((*model)->latent_space().pixels_per_latent, 8);
  EXPECT_EQ((*model)->text_tokens(), 24);
  const auto unet = (*model)->unet_graph(2, 16, 8);
  ASSERT_TRUE(unet) << unet.error().message();
  EXPECT_EQ(unet->value(unet->outputs()[0]).shape, (Shape{2, 16, 8, 4}));
}

TEST_F(ModelTest, NullInAConfigMeansTheDefaultEverywhere) {
  set("text_encoder/config.json", "vocab_size", nullptr);  // BERT's default is this model's value
  const auto model = Model::open(folder_);
  EXPECT_TRUE(model) << model.error().message();
}

TEST_F(ModelTest, PartsThatDoNotFitAreToldBeforeAnyWork) {
  std::ifstream in(folder_ / "tokenizer/vocab.txt");
  const std::string words((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  replace("tokenizer/vocab.txt", words + "oneword\ntoomany\n");
  expect_error("tokenizer: 30524 ids, expected at most the text encoder's vocab_size 30522");
  replace("tokenizer/vocab.txt", words);
  set("unet/config.json", "cross_attention_dim", 64);
  expect_error("cross_attention_dim 64");
  set("unet/config.json", "in_channels", 9);
  expect_error("in_channels 9");
}

}  // namespace
}  // namespace edgefusion::pipeline
