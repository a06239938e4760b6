#include "pipeline/generation_defaults.h"

#include <gtest/gtest.h>

namespace edgefusion::pipeline {
namespace {

formats::ModelFolder folder_of(const char* pipeline, const char* scheduler) {
  formats::ModelFolder folder;
  folder.path = "models/some";
  folder.pipeline_class = pipeline;
  folder.scheduler_class = scheduler;
  return folder;
}

formats::ModelFolder folder_with(const char* edgefusion_json) {
  formats::ModelFolder folder = folder_of("StableDiffusionPipeline", "LCMScheduler");
  folder.edgefusion = nlohmann::json::parse(edgefusion_json);
  return folder;
}

std::string error_of(const char* edgefusion_json) {
  const auto defaults = parse_generation_defaults(folder_with(edgefusion_json), std::nullopt);
  return defaults ? "no error" : defaults.error().message();
}

TEST(GenerationDefaults, AreThoseOfTheReferencePipelineForAModelThatSaysNothing) {
  const auto defaults =
      parse_generation_defaults(folder_of("StableDiffusionPipeline", "PNDMScheduler"), {});
  ASSERT_TRUE(defaults) << defaults.error().message();
  EXPECT_EQ(defaults->scheduler, "pndm");
  EXPECT_EQ(defaults->guidance_scale, 7.5);
  EXPECT_EQ(defaults->width, 512);
  EXPECT_EQ(defaults->height, 512);
  EXPECT_EQ(defaults->apply_template("a fox"), "a fox");
  EXPECT_FALSE(defaults->text_tokens.has_value());
}

TEST(GenerationDefaults, FollowTheSizeTheUNetWasTrainedOn) {
  const auto defaults =
      parse_generation_defaults(folder_of("StableDiffusionPipeline", "DDIMScheduler"), 768);
  ASSERT_TRUE(defaults);
  EXPECT_EQ(defaults->width, 768);
  EXPECT_EQ(defaults->height, 768);
}

TEST(GenerationDefaults, LcmTakesFewStepsAndGuidesOnlyThroughTheScaleEmbedding) {
  const auto distilled_in =
      parse_generation_defaults(folder_of("StableDiffusionPipeline", "LCMScheduler"), {});
  ASSERT_TRUE(distilled_in);
  EXPECT_EQ(distilled_in->steps, 4);
  EXPECT_EQ(distilled_in->guidance_scale, 1.0);
  const auto embedded =
      parse_generation_defaults(folder_of("LatentConsistencyModelPipeline", "LCMScheduler"), {});
  ASSERT_TRUE(embedded);
  EXPECT_EQ(embedded->steps, 4);
  EXPECT_EQ(embedded->guidance_scale, 8.5);
}

TEST(GenerationDefaults, OurOwnConfigHasTheLastWord) {
  const auto defaults = parse_generation_defaults(
      folder_with(R"({"default_steps": 2, "default_cfg_scale": 3, "default_size": [64, 128],
                      "text_max_length": 24, "zero_padding_states": true,
                      "prompt_template": "an emoji of {prompt}, 3D", "licence": "see README.md"})"),
      512);
  ASSERT_TRUE(defaults) << defaults.error().message();
  EXPECT_EQ(defaults->steps, 2);
  EXPECT_EQ(defaults->guidance_scale, 3.0);
  EXPECT_EQ(defaults->width, 64);
  EXPECT_EQ(defaults->height, 128);
  EXPECT_EQ(defaults->text_tokens, 24);
  EXPECT_TRUE(defaults->zero_padding_states);
  EXPECT_EQ(defaults->apply_template("a fox"), "an emoji of a fox, 3D");
  EXPECT_EQ(defaults->apply_template("{prompt}"), "an emoji of {prompt}, 3D");
}

TEST(GenerationDefaults, RefuseWhatTheyDoNotKnowAllAtOnce) {
  const std::string error = error_of(
      R"({"default_step": 3, "default_size": [1, 2, 3], "default_steps": 0, "prompt_template": "x"})");
  for (const char* part : {"models/some/edgefusion.json", "default_step:", "default_size",
                           "default_steps", "prompt_template"}) {
    EXPECT_NE(error.find(part), std::string::npos) << part << " in " << error;
  }
  EXPECT_NE(error_of(R"({"default_cfg_scale": "high"})").find("default_cfg_scale"),
            std::string::npos);
}

TEST(GenerationDefaults, NameAnUnknownSchedulerClass) {
  const auto defaults =
      parse_generation_defaults(folder_of("StableDiffusionPipeline", "MagicScheduler"), {});
  ASSERT_FALSE(defaults);
  EXPECT_EQ(defaults.error().code(), ErrorCode::unsupported);
  EXPECT_NE(defaults.error().message().find("MagicScheduler"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::pipeline
