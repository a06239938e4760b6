#include "train/random_view.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

namespace edgefusion::train {
namespace {

TEST(RandomViews, StayPutWithoutRangeAndMoveWithinIt) {
  const at::Tensor pictures = at::rand({2, 16, 16, 3});
  const std::vector<uint64_t> seeds = {0x123456789abcdef, 77};
  EXPECT_TRUE(at::equal(random_views(pictures, seeds, {}), pictures));
  const ViewRange range = {.zoom = 0.3, .shift = 0.2};
  const at::Tensor views = random_views(pictures, seeds, range);
  EXPECT_EQ(views.sizes(), pictures.sizes());
  EXPECT_FALSE(at::allclose(views, pictures, 0, 0.01));
  EXPECT_GE(views.min().item<double>(), pictures.min().item<double>());
  EXPECT_LE(views.max().item<double>(), pictures.max().item<double>());
  // A picture's view depends on its own seed alone.
  const at::Tensor second =
      random_views(pictures.narrow(0, 1, 1), std::span(seeds).subspan(1), range);
  EXPECT_TRUE(at::allclose(second[0], views[1], 0, 1e-6));
}

TEST(RandomViews, APlainBorderStaysPlain) {
  at::Tensor picture = at::ones({1, 32, 32, 3});
  picture.narrow(1, 12, 8).narrow(2, 12, 8).fill_(-1);
  for (uint64_t seed = 1; seed < 40; ++seed) {
    const std::vector<uint64_t> seeds = {seed * 0x9e3779b97f4a7c15u};
    const at::Tensor view = random_views(picture, seeds, {.zoom = 0.2, .shift = 0.1});
    EXPECT_FLOAT_EQ(view[0][0].min().item<float>(), 1.0f);
    EXPECT_FLOAT_EQ(view[0][-1].min().item<float>(), 1.0f);
    EXPECT_LT(view.min().item<float>(), 0.0f) << "the square is still there";
  }
}

}  // namespace
}  // namespace edgefusion::train
