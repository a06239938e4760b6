#include "kernels/elementwise/rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

namespace edgefusion::kernels {
namespace {

/// Which source line each output line shows, when `in` lines become `out`.
std::vector<int> resized_lines(size_t in, size_t out) {
  std::vector<float> src(in);
  std::iota(src.begin(), src.end(), 0.0f);
  std::vector<float> dst(out, -1.0f);
  resize_nearest({src.data(), dst.data(), in, 1, out, 1, sizeof(float)}, 0, out);
  return {dst.begin(), dst.end()};
}

TEST(ResizeNearest, DoublesByRepeating) {
  EXPECT_EQ(resized_lines(3, 6), (std::vector<int>{0, 0, 1, 1, 2, 2}));
}

TEST(ResizeNearest, HandlesOddSizes) {
  EXPECT_EQ(resized_lines(3, 5), (std::vector<int>{0, 0, 1, 1, 2}));
  EXPECT_EQ(resized_lines(5, 3), (std::vector<int>{0, 1, 3}));
  EXPECT_EQ(resized_lines(4, 4), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(resized_lines(1, 3), (std::vector<int>{0, 0, 0}));
}

TEST(ResizeNearest, RoundsTheRatioAsTorchDoes) {
  const std::vector<int> lines = resized_lines(3, 123);
  EXPECT_EQ(lines[41], 0);  // torch 2.11; exact arithmetic would give 1
  EXPECT_EQ(lines[42], 1);
}

TEST(ResizeNearest, MovesWholePixelsAndOnlyTheLinesAskedFor) {
  const std::vector<float> src = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};  // [2, 3, 2]
  std::vector<float> dst(4 * 3 * 2, -1.0f);
  const ResizeNearest args{src.data(), dst.data(), 2, 3, 4, 3, 2 * sizeof(float)};
  resize_nearest(args, 1, 3);
  const std::vector<float> expected = {-1, -1, -1, -1, -1, -1, 1,  2,  3,  4,  5,  6,
                                       7,  8,  9,  10, 11, 12, -1, -1, -1, -1, -1, -1};
  EXPECT_EQ(dst, expected);
}

TEST(CopyRows, ConcatenatesAlongTheLastDimension) {
  const std::vector<float> a = {1, 2, 3, 4};
  const std::vector<float> b = {5, 6};
  std::vector<float> dst(6, 0.0f);
  copy_rows({a.data(), dst.data(), 8, 12, 8}, 0, 2);
  copy_rows({b.data(), dst.data() + 2, 4, 12, 4}, 0, 2);
  EXPECT_EQ(dst, (std::vector<float>{1, 2, 5, 3, 4, 6}));
}

// Expected values: diffusers 0.42.1, get_timestep_embedding in f32. One rounding of the frequency
// is worth timestep * 2^-24 of the angle, two are allowed for.
TEST(TimestepEmbedding, AgreesWithDiffusersForTheUnet) {
  std::vector<float> e(320);
  timestep_embedding({}, 999.0f, e.data());
  const float bound = 999.0f * 1.2e-7f;
  EXPECT_NEAR(e[0], 0.9996498227f, bound);
  EXPECT_NEAR(e[1], 0.8026775122f, bound);
  EXPECT_NEAR(e[2], -0.2780621350f, bound);
  EXPECT_NEAR(e[159], 0.9944063425f, bound);
  EXPECT_NEAR(e[160], -0.0264607519f, bound);
  EXPECT_NEAR(e[161], 0.5964133143f, bound);
  EXPECT_NEAR(e[319], 0.1056220606f, bound);
}

TEST(TimestepEmbedding, AgreesWithDiffusersForOddSizesAndShifts) {
  std::vector<float> e(7, 5.0f);
  timestep_embedding({.size = 7, .cos_first = false, .frequency_shift = 1.0f}, 3.0f, e.data());
  EXPECT_NEAR(e[0], 0.1411200017f, 4e-7f);
  EXPECT_NEAR(e[1], 0.0299954992f, 4e-7f);
  EXPECT_NEAR(e[2], 0.0003000000f, 4e-7f);
  EXPECT_NEAR(e[3], -0.9899924994f, 4e-7f);
  EXPECT_NEAR(e[4], 0.9995500445f, 4e-7f);
  EXPECT_EQ(e[6], 0.0f);
}

TEST(TimestepEmbedding, AgreesWithDiffusersForGuidance) {
  std::vector<float> e(256);
  timestep_embedding({.size = 256, .cos_first = false}, 7500.0f, e.data());
  const float bound = 7500.0f * 1.2e-7f;
  EXPECT_NEAR(e[0], -0.8512358665f, bound);
  EXPECT_NEAR(e[1], -0.9708704352f, bound);
  EXPECT_NEAR(e[127], 0.7214927077f, bound);
  EXPECT_NEAR(e[128], -0.5247832537f, bound);
  EXPECT_NEAR(e[255], 0.6924220324f, bound);
}

}  // namespace
}  // namespace edgefusion::kernels
