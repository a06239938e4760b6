#include "formats/diffusers_folder.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/testing/temporary_folder.h"
#include "formats/safetensors_writer.h"

namespace edgefusion::formats {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIndex = R"({
  "_class_name": "StableDiffusionPipeline",
  "_diffusers_version": "0.30.0",
  "feature_extractor": [null, null],
  "requires_safety_checker": true,
  "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
  "scheduler": ["diffusers", "LCMScheduler"],
  "text_encoder": ["transformers", "CLIPTextModel"],
  "tokenizer": ["transformers", "CLIPTokenizer"],
  "unet": ["diffusers", "UNet2DConditionModel"],
  "vae": ["diffusers", "AutoencoderKL"]
})";

class DiffusersFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write("model_index.json", kIndex);
    write("text_encoder/config.json", R"({"architectures": ["CLIPTextModel"], "hidden_size": 32})");
    write("unet/config.json", R"({"_class_name": "UNet2DConditionModel"})");
    write("vae/config.json", R"({"_class_name": "AutoencoderTiny"})");
    write("scheduler/scheduler_config.json", R"({"beta_start": 0.00085})");
    write("tokenizer/vocab.json", "{}");
    write("tokenizer/merges.txt", "");
    write_weights("text_encoder/model.safetensors", 1.0f);
    write_weights("unet/diffusion_pytorch_model.safetensors", 2.0f);
    write_weights("vae/diffusion_pytorch_model.safetensors", 3.0f);
  }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }

  void write_weights(const std::string& name, float value) {
    const float values[] = {value};
    const Tensor tensor = Tensor::from_f32(Shape{1}, values);
    ASSERT_TRUE(write_safetensors(folder_ / name, {{"w", tensor.view()}}).has_value());
  }

  static float weight_of(const NetworkFiles* network) {
    return network == nullptr ? -1.0f : load_as_f32(*network->weights->find("w"), 0);
  }

  std::string error_of(const fs::path& path) const {
    const auto opened = open_diffusers_folder(path);
    return opened ? "no error" : opened.error().message();
  }
  void expect_error(const std::string& part) const {
    const std::string error = error_of(folder_);
    EXPECT_NE(error.find(part), std::string::npos) << error;
    EXPECT_NE(error.find(folder_.string()), std::string::npos) << error;
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
};

TEST_F(DiffusersFolderTest, FindsEveryPartOfAPipeline) {
  const auto model = open_diffusers_folder(folder_);
  ASSERT_TRUE(model.has_value()) << model.error().message();
  EXPECT_EQ(model->pipeline_class, "StableDiffusionPipeline");
  EXPECT_EQ(model->networks.size(), 3u);
  EXPECT_EQ(weight_of(model->network("text_encoder")), 1.0f);
  EXPECT_EQ(weight_of(model->network("unet")), 2.0f);
  EXPECT_EQ(weight_of(model->network("vae")), 3.0f);
  EXPECT_EQ(model->network("text_encoder")->class_name, "CLIPTextModel");
  EXPECT_EQ(model->network("text_encoder")->config["hidden_size"], 32);
  EXPECT_EQ(model->network("vae")->class_name, "AutoencoderTiny");
  EXPECT_EQ(model->network("safety_checker"), nullptr);
  EXPECT_EQ(model->scheduler_class, "LCMScheduler");
  EXPECT_NE(model->scheduler_text.find("\"beta_start\": 0.00085"), std::string::npos)
      << model->scheduler_text;
  EXPECT_EQ(model->tokenizer, folder_ / "tokenizer");
  EXPECT_TRUE(model->edgefusion.is_null());
}

TEST_F(DiffusersFolderTest, ReadsOurOwnConfigWhenItIsThere) {
  write("edgefusion.json", R"({"precision": "int8"})");
  const auto model = open_diffusers_folder(folder_);
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(model->edgefusion["precision"], "int8");
  write("edgefusion.json", "[]");
  expect_error("edgefusion.json");
}

TEST_F(DiffusersFolderTest, WeightsAreFoundInTheOrderOfDiffusers) {
  const fs::path unet = folder_ / "unet";
  write_weights("unet/model.fp16.safetensors", 7.0f);
  write_weights("unet/diffusion_pytorch_model.fp16.safetensors", 6.0f);
  write_weights("unet/model.safetensors", 5.0f);
  write_weights("unet/shard.safetensors", 4.0f);
  write("unet/diffusion_pytorch_model.safetensors.index.json",
        R"({"weight_map": {"w": "shard.safetensors"}})");
  const auto next = [&](const char* file) {
    const auto weights = open_network_weights(unet);
    fs::remove(unet / file);
    return weights ? load_as_f32(*(*weights)->find("w"), 0) : -1.0f;
  };
  EXPECT_EQ(next("diffusion_pytorch_model.safetensors"), 2.0f);
  EXPECT_EQ(next("diffusion_pytorch_model.safetensors.index.json"), 4.0f);
  EXPECT_EQ(next("model.safetensors"), 5.0f);
  EXPECT_EQ(next("diffusion_pytorch_model.fp16.safetensors"), 6.0f);
  EXPECT_EQ(next("model.fp16.safetensors"), 7.0f);
  expect_error("unet: expected diffusion_pytorch_model.safetensors");
}

TEST_F(DiffusersFolderTest, PickleWeightsAreNeverOpened) {
  fs::remove(folder_ / "unet/diffusion_pytorch_model.safetensors");
  write("unet/diffusion_pytorch_model.bin", "not even a pickle");
  expect_error("diffusion_pytorch_model.bin: pickle weights are never opened; convert");
  EXPECT_EQ(open_diffusers_folder(folder_).error().code(), ErrorCode::unsupported);
}

TEST_F(DiffusersFolderTest, OtherPipelinesAreRefusedByName) {
  std::string index = kIndex;
  index.replace(index.find("StableDiffusionPipeline"), 23, "StableDiffusionXLPipeline");
  write("model_index.json", index);
  expect_error("expected one of StableDiffusionPipeline, ");
  expect_error("found \"StableDiffusionXLPipeline\"");
  EXPECT_EQ(open_diffusers_folder(folder_).error().code(), ErrorCode::unsupported);
  write("model_index.json", "{}");
  expect_error("_class_name");
}

TEST_F(DiffusersFolderTest, EveryMissingPartIsNamed) {
  for (const char* part : {"unet/config.json", "vae/diffusion_pytorch_model.safetensors",
                           "scheduler/scheduler_config.json"}) {
    const fs::path path = folder_ / part;
    fs::rename(path, folder_ / "aside");
    const auto opened = open_diffusers_folder(folder_);
    ASSERT_FALSE(opened.has_value()) << part;
    EXPECT_EQ(opened.error().code(), ErrorCode::not_found) << part;
    EXPECT_NE(opened.error().message().find(path.parent_path().string()), std::string::npos)
        << opened.error().message();
    fs::rename(folder_ / "aside", path);
  }
  fs::remove_all(folder_ / "text_encoder");
  expect_error("text_encoder: expected the folder of text_encoder, found nothing");
}

TEST_F(DiffusersFolderTest, ComponentsThatAreNotAPairOfNamesAreRefused) {
  for (const std::string component :
       {"[null, null]", "null", "\"unet\"", "[\"diffusers\"]", "[1, 2]"}) {
    std::string index = kIndex;
    const std::string pair = R"(["diffusers", "UNet2DConditionModel"])";
    index.replace(index.find(pair), pair.size(), component);
    write("model_index.json", index);
    expect_error("unet: expected [library, class], found");
  }
}

TEST_F(DiffusersFolderTest, AClassThatDoesNotFillTheRoleIsRefusedThoughTheConfigWould) {
  std::string index = kIndex;
  const std::string name = "UNet2DConditionModel";
  index.replace(index.find(name), name.size(), "FluxTransformer2DModel");
  write("model_index.json", index);
  expect_error("unet: expected one of UNet2DConditionModel, found \"FluxTransformer2DModel\"");
}

TEST_F(DiffusersFolderTest, AFolderOfABertNetworkIsATextEncoder) {
  write("text_encoder/config.json", R"({"architectures": ["BertModel"]})");
  const auto model = open_diffusers_folder(folder_ / "text_encoder");
  ASSERT_TRUE(model.has_value()) << model.error().message();
  EXPECT_NE(model->network("text_encoder"), nullptr);
}

TEST_F(DiffusersFolderTest, AFolderOfOneNetworkOpensAsThatNetwork) {
  for (const auto& [folder, role] : {std::pair{"unet", "unet"}, std::pair{"vae", "vae"},
                                     std::pair{"text_encoder", "text_encoder"}}) {
    const auto model = open_diffusers_folder(folder_ / folder);
    ASSERT_TRUE(model.has_value()) << model.error().message();
    EXPECT_EQ(model->networks.size(), 1u);
    EXPECT_NE(model->network(role), nullptr);
    EXPECT_TRUE(model->pipeline_class.empty());
    EXPECT_FALSE(model->tokenizer.has_value());
  }
}

TEST_F(DiffusersFolderTest, ASingleNetworkOfAnotherKindIsRefused) {
  write("unet/config.json", R"({"_class_name": "FluxTransformer2DModel"})");
  EXPECT_NE(error_of(folder_ / "unet").find("found \"FluxTransformer2DModel\""), std::string::npos);
  write("unet/config.json", "{}");
  EXPECT_NE(error_of(folder_ / "unet").find("found nothing"), std::string::npos);
}

TEST_F(DiffusersFolderTest, WhatIsNoModelIsNamed) {
  EXPECT_NE(error_of(folder_ / "nowhere").find("nowhere: expected a model folder, found nothing"),
            std::string::npos);
  EXPECT_NE(error_of(folder_ / "model_index.json").find("found something else"), std::string::npos);
  EXPECT_NE(error_of(folder_ / "tokenizer").find("found neither"), std::string::npos);
  write("old/model.ckpt", "x");
  EXPECT_NE(error_of(folder_ / "old").find("model.ckpt"), std::string::npos);
}

TEST_F(DiffusersFolderTest, LinksIntoAHubCacheAreFollowed) {
  const fs::path weights = folder_ / "unet/diffusion_pytorch_model.safetensors";
  fs::create_directory(folder_ / "blobs");
  fs::rename(weights, folder_ / "blobs/0a1b");
  fs::create_symlink("../blobs/0a1b", weights);
  const auto model = open_diffusers_folder(folder_);
  ASSERT_TRUE(model.has_value()) << model.error().message();
  EXPECT_EQ(weight_of(model->network("unet")), 2.0f);
}

}  // namespace
}  // namespace edgefusion::formats
