// Every walk of tests/goldens/schedulers: timesteps, start and every sample as diffusers has them.
#include <gtest/gtest.h>

#include <cmath>

#include "core/mapped_file.h"
#include "diffusion/noise_schedule.h"
#include "diffusion/sampler.h"

namespace edgefusion::diffusion {
namespace {

using nlohmann::json;

constexpr size_t kCount = 24;  // latents [1,4,2,3]

json read_golden(const std::string& name) {
  const std::string path =
      std::string(EF_SOURCE_DIR) + "/tests/goldens/schedulers/" + name + ".json";
  auto text = read_text_file(path, size_t{4} << 20);
  EXPECT_TRUE(text) << text.error().message();
  return json::parse(*text);
}

// The formula in place of a network; see scripts/goldens/schedulers.py.
void network(std::span<const float> x, float timestep, std::span<float> y) {
  for (size_t j = 0; j < x.size(); ++j) {
    y[j] = static_cast<float>(0.3 * static_cast<double>(x[j]) +
                              0.2 * std::sin(0.01 * static_cast<double>(timestep)) +
                              0.05 * std::cos(static_cast<double>(j)));
  }
}

// |a - b| <= tolerance * max|b|, over one sample.
void expect_close(std::span<const float> actual, std::span<const float> expected,
                  const std::string& what, float tolerance = 1e-5f) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  float bound = 0;
  for (const float value : expected) bound = std::max(bound, std::fabs(value) * tolerance);
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], bound) << what << ", value " << i;
  }
}

// An ancestral step computes sqrt(to^2 - up^2) in f32. From the 4096 of a zero-SNR schedule that
// cancels nearly all digits: the last bit of a level shows 1e5 times larger, in diffusers too.
float tolerance_of(const std::string& name, const json& walk) {
  const bool zero_snr = walk.at("config").value("rescale_betas_zero_snr", false);
  return name == "euler_a" && zero_snr ? 1e-4f : 1e-5f;
}

SchedulerOptions options_of(const json& walk) {
  SchedulerOptions options;
  options.steps = walk.at("steps");
  options.strength = walk.value("strength", 1.0);
  options.eta = walk.value("eta", 0.0);
  if (walk.contains("original_steps")) options.original_steps = walk.at("original_steps");
  return options;
}

// Whole timesteps must be the same. Those found by interpolating in f32 logarithms (fractional,
// Euler with Karras or exponential levels) inherit the last bit of the logarithm: 2^-23 * 2.7 over
// a slope of at least 1/400 per timestep.
void expect_timesteps(const Scheduler& scheduler, const json& walk, const std::string& what) {
  const std::vector<float> expected = walk.at("timesteps");
  ASSERT_EQ(scheduler.size(), expected.size()) << what;
  for (size_t i = 0; i < expected.size(); ++i) {
    const bool whole = std::trunc(expected[i]) == expected[i];
    const bool found = walk.at("config").value("use_karras_sigmas", false) ||
                       walk.at("config").value("use_exponential_sigmas", false);
    ASSERT_NEAR(scheduler.timesteps()[i], expected[i], !whole && found ? 2e-4 : 0.0) << what;
  }
}

void expect_walk(const std::string& name, const json& walk) {
  const std::string what = name + " " + walk.at("config").dump() + ", steps " +
                           walk.at("steps").dump() + ", strength " +
                           json(walk.value("strength", 1.0)).dump();
  auto made = make_scheduler(name, walk.at("config"), options_of(walk));
  ASSERT_TRUE(made) << what << ": " << made.error().message();
  Scheduler& scheduler = **made;
  ASSERT_NO_FATAL_FAILURE(expect_timesteps(scheduler, walk, what));
  const float sigma = walk.at("init_noise_sigma");
  EXPECT_NEAR(scheduler.init_noise_sigma(), sigma, sigma * 1e-6f) << what;

  std::vector<float> start(kCount), clean(kCount);
  CpuGenerator(1).randn(start);
  for (size_t j = 0; j < kCount; ++j) {
    clean[j] = static_cast<float>(0.5 * std::cos(0.7 * static_cast<double>(j)));
  }
  const Latents noised = initial_latents(scheduler, clean, start);
  const std::vector<float> expected_noised = walk.at("noised");
  expect_close(noised, expected_noised, what + ": add_noise");

  const std::vector<float> expected = walk.at("samples");
  CpuGenerator noise(2);
  SampleOptions options;
  options.after_step = [&](size_t done, size_t, std::span<float> latents) {
    expect_close(latents, std::span(expected).subspan((done - 1) * kCount, kCount),
                 what + ": sample after step " + std::to_string(done), tolerance_of(name, walk));
  };
  const Denoiser denoiser = [](std::span<const float> x, float t, size_t, std::span<float> y) {
    network(x, t, y);
    return Status{};
  };
  Latents latents = walk.contains("strength") ? noised : initial_latents(scheduler, start);
  ASSERT_TRUE(sample(scheduler, denoiser, latents, noise, options));
  ASSERT_EQ(expected.size(), scheduler.size() * kCount) << what;
}

class SchedulerGolden : public testing::TestWithParam<const char*> {};

TEST_P(SchedulerGolden, EveryWalkIsThatOfDiffusers) {
  const json walks = read_golden(GetParam());
  ASSERT_GE(walks.size(), 8u);
  for (const json& walk : walks) ASSERT_NO_FATAL_FAILURE(expect_walk(GetParam(), walk));
}

TEST_P(SchedulerGolden, ASecondWalkOfOneObjectIsTheFirst) {
  const json walks = read_golden(GetParam());
  auto made = make_scheduler(GetParam(), walks.back().at("config"), options_of(walks.back()));
  ASSERT_TRUE(made);
  const Denoiser denoiser = [](std::span<const float> x, float t, size_t, std::span<float> y) {
    network(x, t, y);
    return Status{};
  };
  Latents results[2];
  for (Latents& result : results) {
    CpuGenerator noise(2);
    auto done = sample(**made, denoiser, Latents(kCount, 0.5f), noise);
    ASSERT_TRUE(done);
    result = *done;
  }
  EXPECT_EQ(results[0], results[1]);
}

INSTANTIATE_TEST_SUITE_P(All, SchedulerGolden,
                         testing::Values("lcm", "ddim", "euler", "euler_karras", "euler_a",
                                         "dpmpp2m", "dpmpp2m_karras", "dpmpp2m_sde", "pndm"));

TEST(AlphasCumprod, AreThoseOfDiffusers) {
  const json tables = read_golden("tables");
  ASSERT_EQ(tables.at("alphas").size(), 4u);
  for (const json& table : tables.at("alphas")) {
    const auto config = parse_scheduler_config(table.at("config"), "golden", {});
    ASSERT_TRUE(config) << config.error().message();
    const auto alphas = alphas_cumprod(*config);
    ASSERT_TRUE(alphas);
    const std::vector<size_t> at = table.at("at");
    const std::vector<float> expected = table.at("alphas_cumprod");
    for (size_t i = 0; i < at.size(); ++i) {
      EXPECT_NEAR(alphas->at(at[i]), expected[i], expected[i] * 2e-7f) << table.at("config");
    }
  }
}

}  // namespace
}  // namespace edgefusion::diffusion
