#include "diffusion/scheduler_config.h"

#include <gtest/gtest.h>

#include <cmath>

#include "diffusion/scheduler.h"

namespace edgefusion::diffusion {
namespace {

using nlohmann::json;

std::string message_of(const json& config) {
  const auto parsed = parse_scheduler_config(config, "scheduler_config.json", {});
  return parsed ? "" : parsed.error().message();
}

TEST(SchedulerConfig, KeysOfTheFileReplaceDefaultsAndNullsDoNot) {
  SchedulerConfig defaults;
  defaults.steps_offset = 3;
  const auto config = parse_scheduler_config(
      {{"beta_end", 0.012}, {"beta_schedule", "scaled_linear"}, {"steps_offset", nullptr}}, "c",
      defaults);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->beta_end, 0.012);
  EXPECT_EQ(config->beta_start, 0.0001);
  EXPECT_EQ(config->beta_schedule, "scaled_linear");
  EXPECT_EQ(config->steps_offset, 3);
}

TEST(SchedulerConfig, KeysOfOtherSchedulersAndNotesOfTheWriterAreAccepted) {
  EXPECT_EQ(message_of({{"_class_name", "UniPCMultistepScheduler"},
                        {"_diffusers_version", "0.22.0"},
                        {"predict_x0", true},
                        {"disable_corrector", json::array()},
                        {"solver_p", nullptr},
                        {"solver_type", "bh2"},
                        {"variance_type", "fixed_small"},
                        {"flow_shift", 1.0},
                        {"skip_prk_steps", true},
                        {"clip_sample_range", 1.0}}),
            "");
}

TEST(SchedulerConfig, UnknownKeysAreRefusedByName) {
  EXPECT_EQ(message_of({{"zeta_start", 1}, {"beta_start", 0.1}, {"another", 2}}),
            "scheduler_config.json: unknown keys that may change the result: another, zeta_start");
}

TEST(SchedulerConfig, EveryWrongTypeAndRangeIsNamed) {
  const std::string message = message_of({{"beta_start", "0.1"},
                                          {"beta_end", 1.5},
                                          {"num_train_timesteps", 0},
                                          {"clip_sample", 1},
                                          {"solver_order", 4}});
  for (const char* key :
       {"beta_start", "beta_end", "num_train_timesteps", "clip_sample", "solver_order"}) {
    EXPECT_NE(message.find(key), std::string::npos) << message;
  }
}

TEST(SchedulerConfig, TrainedBetasMustFillTheTrainingSteps) {
  EXPECT_EQ(message_of({{"trained_betas", {0.1, 0.2}}}),
            "scheduler_config.json: trained_betas: expected 1000 numbers (num_train_timesteps), "
            "found 2");
  EXPECT_EQ(message_of({{"trained_betas", {0.1, 0.2}}, {"num_train_timesteps", 2}}), "");
  EXPECT_NE(message_of({{"trained_betas", {0.1, -0.2}}, {"num_train_timesteps", 2}}), "");
}

TEST(SchedulerConfig, ALearnedVarianceIsRefused) {
  EXPECT_NE(message_of({{"variance_type", "learned_range"}}).find("learned_range"),
            std::string::npos);
}

TEST(SchedulerConfig, AFileThatIsNoObjectIsRefused) {
  EXPECT_NE(message_of(json::array()).find("expected object"), std::string::npos);
  EXPECT_EQ(scheduler_class_name(json::array()), "");
}

TEST(SchedulerJson, OutdatedValuesBecomeThoseOfStableDiffusion) {
  const json outdated = {{"steps_offset", 0}, {"clip_sample", true}, {"beta_end", 0.012}};
  const json current = {{"steps_offset", 1}, {"clip_sample", false}, {"beta_end", 0.012}};
  for (const bool own : {false, true}) EXPECT_EQ(without_outdated_values(outdated, own), current);
  // A file without them means its own scheduler's outdated defaults, or another one's.
  const json silent = {{"beta_end", 0.012}};
  EXPECT_EQ(without_outdated_values(silent, true), current);
  EXPECT_EQ(without_outdated_values(silent, false), silent);
}

TEST(SchedulerJson, ValuesOfAWrongTypeAreLeftForTheReaderToRefuse) {
  const json wrong = {{"steps_offset", "one"}, {"clip_sample", 0}};
  EXPECT_EQ(without_outdated_values(wrong, true), wrong);
  EXPECT_EQ(without_outdated_values(json::array(), true), json::array());
}

TEST(SchedulerJson, ReadsTheBareMinusInfinityThatDiffusersWrites) {
  const auto parsed = parse_scheduler_json(
      R"({"lambda_min_clipped": -Infinity, "_note": "a \" -Infinity b", "beta_end": 0.012})", "f");
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_TRUE(parsed->at("lambda_min_clipped").is_null());
  EXPECT_EQ(parsed->at("_note"), "a \" -Infinity b");
  const auto config = parse_scheduler_config(*parsed, "f", {});
  ASSERT_TRUE(config);
  EXPECT_TRUE(std::isinf(config->lambda_min_clipped));
}

TEST(SchedulerJson, RefusesOtherWordsAndBrokenText) {
  for (const char* text : {"{\"a\": Infinity}", "{\"a\": NaN}", "{\"a\": \"", "{", "", "\\"}) {
    const auto parsed = parse_scheduler_json(text, "scheduler_config.json");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), ErrorCode::bad_file);
  }
}

TEST(SchedulerJson, TheBuiltInConfigIsThatOfStableDiffusion1) {
  const json config = stable_diffusion_scheduler_json();
  EXPECT_EQ(scheduler_class_name(config), "PNDMScheduler");
  for (const std::string_view name : scheduler_names()) {
    SchedulerOptions options;
    options.steps = 4;
    EXPECT_TRUE(make_scheduler(name, config, options)) << name;
  }
}

}  // namespace
}  // namespace edgefusion::diffusion
