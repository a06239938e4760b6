#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "diffusion/scheduler.h"

namespace edgefusion::diffusion {
namespace {

using nlohmann::json;

SchedulerOptions steps(int count) {
  SchedulerOptions options;
  options.steps = count;
  return options;
}

std::string error_of(std::string_view name, const json& config, const SchedulerOptions& options) {
  const auto made = make_scheduler(name, config, options);
  return made ? "" : made.error().message();
}

TEST(SchedulerTable, AMistypedNameGetsASuggestionAndTheList) {
  const std::string message = error_of("eulr_a", json::object(), steps(4));
  EXPECT_EQ(message.rfind("unknown scheduler \"eulr_a\", did you mean \"euler_a\"?", 0), 0u);
  for (const std::string_view name : scheduler_names()) {
    EXPECT_NE(message.find(name), std::string::npos) << message;
  }
}

TEST(SchedulerTable, ClassesOfDiffusersMeanTheNameWithoutSuffix) {
  const std::pair<const char*, const char*> pairs[] = {
      {"LCMScheduler", "lcm"},
      {"DDIMScheduler", "ddim"},
      {"PNDMScheduler", "pndm"},
      {"EulerDiscreteScheduler", "euler"},
      {"EulerAncestralDiscreteScheduler", "euler_a"},
      {"DPMSolverMultistepScheduler", "dpmpp2m"}};
  for (const auto& [diffusers_class, name] : pairs) {
    const auto found = scheduler_name_of_class(diffusers_class);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, name);
  }
  const auto unknown = scheduler_name_of_class("LMSDiscreteScheduler");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::unsupported);
  EXPECT_NE(unknown.error().message().find("DPMSolverMultistepScheduler"), std::string::npos);
}

TEST(SchedulerTable, StepsOutsideOfTheTrainingStepsAreRefused) {
  for (const std::string_view name : scheduler_names()) {
    for (const int count : {0, -1, 1001}) {
      const auto made = make_scheduler(name, json::object(), steps(count));
      ASSERT_FALSE(made) << name;
      EXPECT_EQ(made.error().code(), ErrorCode::invalid_argument);
      EXPECT_EQ(made.error().message(), "steps: " + std::to_string(count) + ", expected 1 to 1000");
    }
  }
}

TEST(SchedulerTable, StrengthAndEtaOutsideOfTheirRangeAreRefused) {
  for (const double strength : {0.0, -0.5, 1.01, std::nan("")}) {
    SchedulerOptions options = steps(4);
    options.strength = strength;
    EXPECT_NE(error_of("euler", json::object(), options).find("strength"), std::string::npos);
  }
  SchedulerOptions options = steps(4);
  options.eta = 1.5;
  EXPECT_NE(error_of("ddim", json::object(), options).find("eta"), std::string::npos);
}

TEST(SchedulerTable, AStrengthThatLeavesNoStepIsRefused) {
  SchedulerOptions options = steps(4);
  options.strength = 0.2;
  for (const char* name : {"ddim", "euler", "euler_a", "dpmpp2m"}) {
    EXPECT_NE(error_of(name, json::object(), options).find("leaves none"), std::string::npos);
  }
}

TEST(SchedulerTable, WhatASchedulerLacksIsRefusedWithTheFileName) {
  const std::pair<const char*, json> cases[] = {
      {"ddim", {{"beta_schedule", "sigmoid"}}},
      {"ddim", {{"prediction_type", "flow_prediction"}}},
      {"ddim", {{"timestep_spacing", "random"}}},
      {"euler", {{"use_beta_sigmas", true}}},
      {"euler", {{"timestep_type", "sometimes"}}},
      {"euler", {{"interpolation_type", "cubic"}}},
      {"euler", {{"final_sigmas_type", "one"}}},
      {"euler_a", {{"prediction_type", "sample"}}},
      {"pndm", {{"prediction_type", "sample"}}},
      {"dpmpp2m", {{"algorithm_type", "dpmsolver"}, {"final_sigmas_type", "sigma_min"}}},
      {"dpmpp2m", {{"solver_type", "rk45"}}},
      {"dpmpp2m", {{"use_flow_sigmas", true}}},
      {"dpmpp2m", {{"lambda_min_clipped", 1000.0}}},
      {"dpmpp2m", {{"use_karras_sigmas", true}, {"use_exponential_sigmas", true}}},
      {"lcm", {{"rescale_betas_zero_snr", true}}},
      {"lcm", {{"beta_start", 0.0}, {"beta_end", 0.0}}},
  };
  for (const auto& [name, config] : cases) {
    const auto made = make_scheduler(name, config, steps(4));
    ASSERT_FALSE(made) << name << " " << config;
    EXPECT_NE(made.error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(made.error().message().rfind("scheduler_config.json: ", 0), 0u)
        << made.error().message();
  }
}

TEST(SchedulerTable, FlagsOfOtherSchedulersDoNotMatter) {
  EXPECT_EQ(error_of("lcm", {{"use_beta_sigmas", true}, {"solver_type", "rk45"}}, steps(4)), "");
  EXPECT_EQ(error_of("euler_a", {{"use_flow_sigmas", true}}, steps(4)), "");
}

TEST(SchedulerTable, TheKarrasNamesForceWhatTheConfigFlagAsksFor) {
  for (const std::string name : {"euler", "dpmpp2m", "dpmpp2m_sde"}) {
    auto by_name = make_scheduler(name + "_karras", json::object(), steps(8));
    auto by_flag = make_scheduler(name, {{"use_karras_sigmas", true}}, steps(8));
    auto plain = make_scheduler(name, json::object(), steps(8));
    ASSERT_TRUE(by_name && by_flag && plain);
    EXPECT_TRUE(std::ranges::equal((*by_name)->timesteps(), (*by_flag)->timesteps()));
    EXPECT_FALSE(std::ranges::equal((*by_name)->timesteps(), (*plain)->timesteps()));
  }
}

// Any number of steps of any spacing, on a full and on a tiny training schedule: no crash, no NaN.
TEST(SchedulerTable, EveryStepCountWalksOrIsRefused) {
  for (const std::string_view name : scheduler_names()) {
    for (const char* spacing : {"linspace", "leading", "trailing"}) {
      for (const int train_steps : {1, 2, 7, 1000}) {
        for (const int count : {1, 2, 3, 5, 7, 19, 333, 999, 1000}) {
          const json config = {{"timestep_spacing", spacing},
                               {"num_train_timesteps", train_steps},
                               {"original_inference_steps", train_steps}};
          auto made = make_scheduler(name, config, steps(count));
          if (!made) continue;
          CpuGenerator noise(1);
          std::vector<float> latents(4, 0.5f), output(4, 0.1f);
          for (size_t i = 0; i < (*made)->size(); ++i) {
            (*made)->scale_model_input(latents, i);
            (*made)->step(output, i, latents, noise);
          }
          // Two levels that coincide make a multistep slope infinite, in diffusers too.
          const bool dense = 2 * count > train_steps;
          for (const float value : latents) {
            EXPECT_TRUE(dense || std::isfinite(value)) << name << " " << config << " " << count;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace edgefusion::diffusion
