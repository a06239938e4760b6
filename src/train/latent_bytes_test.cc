#include "train/latent_bytes.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>

namespace edgefusion::train {
namespace {

/// Channels of very different sizes.
at::Tensor some_latents() {
  at::manual_seed(3);
  return at::randn({5, 6, 7, 4}) * at::tensor({1.0f, 0.01f, 30.0f, 2.0f}) +
         at::tensor({0.0f, 5.0f, -8.0f, 1.0f});
}

TEST(LatentBytes, ComeBackWithinHalfAStepOfEachChannel) {
  const at::Tensor x = some_latents();
  const LatentRange range = LatentRange::of(std::array{x});
  const at::Tensor bytes = range.to_bytes(x);
  EXPECT_EQ(bytes.scalar_type(), at::kByte);
  const at::Tensor error = (range.from_bytes(bytes) - x).abs().reshape({-1, 4}).amax(0);
  // And the rounding of f32 beside it.
  EXPECT_TRUE((error <= range.step * 0.501 + 1e-5).all().item<bool>()) << error << range.step;
  const at::Tensor spread = x.reshape({-1, 4}).amax(0) - x.reshape({-1, 4}).amin(0);
  EXPECT_TRUE(at::allclose(range.step * 255, spread));
}

TEST(LatentBytes, OneRangeHoldsSeveralTensors) {
  const at::Tensor x = some_latents(), y = x * 2;
  const LatentRange range = LatentRange::of(std::array{x, y});
  EXPECT_TRUE(at::equal(range.low, LatentRange::of(std::array{at::cat({x, y})}).low));
  EXPECT_LE((range.from_bytes(range.to_bytes(y)) - y).abs().max().item<float>(),
            range.step.max().item<float>() * 0.501f);
}

TEST(LatentBytes, AChannelOfOneValueComesBackAsItIs) {
  const at::Tensor x = at::full({2, 3, 3, 4}, 1.25);
  const LatentRange range = LatentRange::of(std::array{x});
  EXPECT_TRUE(at::equal(range.from_bytes(range.to_bytes(x)), x));
}

}  // namespace
}  // namespace edgefusion::train
