#include "diffusion/guidance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "core/mapped_file.h"

namespace edgefusion::diffusion {
namespace {

TEST(Guidance, IsNeededAboveOneUnlessTheNetworkTakesTheScale) {
  EXPECT_FALSE(needs_guidance(0.0, false));
  EXPECT_FALSE(needs_guidance(1.0, false));
  EXPECT_TRUE(needs_guidance(1.001, false));
  EXPECT_FALSE(needs_guidance(7.5, true));
}

TEST(Guidance, ScaleOneIsThePromptAndZeroIsWithoutIt) {
  const std::vector<float> uncond = {1, -2, 3}, cond = {2, 0.5, -1};
  std::vector<float> dst(3);
  guide(uncond, cond, 1.0, dst);
  EXPECT_EQ(dst, cond);
  guide(uncond, cond, 0.0, dst);
  EXPECT_EQ(dst, uncond);
  guide(uncond, cond, 2.0, dst);
  EXPECT_EQ(dst, (std::vector<float>{3, 3, -5}));
}

TEST(Guidance, MayWriteOverAnInput) {
  std::vector<float> uncond = {1, 2};
  const std::vector<float> cond = {3, 1};
  guide(uncond, cond, 3.0, uncond);
  EXPECT_EQ(uncond, (std::vector<float>{7, -1}));
}

// A frequency is exp() in f32, and f32 libraries differ in its last bit (2^-24 at most, as it is
// at most 1); times 1000 w that is the error of the angle, and of its sine.
TEST(GuidanceScaleEmbedding, IsThatOfDiffusers) {
  auto text = read_text_file(std::string(EF_SOURCE_DIR) + "/tests/goldens/schedulers/tables.json",
                             size_t{1} << 20);
  ASSERT_TRUE(text);
  const nlohmann::json tables = nlohmann::json::parse(*text);
  ASSERT_EQ(tables.at("guidance").size(), 4u);
  for (const auto& entry : tables.at("guidance")) {
    const double scale = entry.at("guidance_scale");
    const std::vector<float> expected = entry.at("values");
    const std::vector<float> actual = guidance_scale_embedding(scale, entry.at("dim"));
    ASSERT_EQ(actual.size(), expected.size());
    const size_t half = expected.size() / 2;
    for (size_t i = 0; i < expected.size(); ++i) {
      const double place = static_cast<double>(i % half) / static_cast<double>(half - 1);
      const double frequency = i < 2 * half ? std::pow(10000.0, -place) : 0.0;
      const double last_bit = 1000 * (scale - 1) * frequency * 0x1p-23;
      EXPECT_NEAR(actual[i], expected[i], last_bit + 1e-7) << entry.at("dim") << " at " << i;
    }
  }
}

}  // namespace
}  // namespace edgefusion::diffusion
