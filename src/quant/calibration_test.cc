#include "quant/calibration.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quant/testing/random_values.h"

namespace edgefusion::quant {
namespace {

using graph::Scheme;

Layer layer(const std::string& name, std::vector<std::string> inputs,
            std::vector<Scheme> schemes = {Scheme::bf16, Scheme::w8a8}) {
  Layer result{.network = "unet", .name = name};
  result.input_channels.assign(inputs.size(), 3);
  result.inputs = std::move(inputs);
  result.schemes = std::move(schemes);
  return result;
}

Tensor picture(std::vector<float> values) {
  Tensor tensor(Shape{1, 2, static_cast<int64_t>(values.size()) / 6, 3}, DType::f32);
  std::ranges::copy(values, tensor.values<float>().begin());
  return tensor;
}

const Tensor kFirst = picture({1, -2, 3, 4, 5, -6});
const Tensor kSecond = picture({-1, 0, 9, 2, 1, 0});

TEST(Calibration, SeesWhatLayersReadAndNothingElse) {
  const Layer one = layer("one", {"a"}), both = layer("both", {"a", "b"});
  Calibration calibration({one, both});
  calibration.observe("unet", "a", kFirst.view());
  calibration.observe("unet", "c", kSecond.view());
  calibration.observe("vae", "a", kSecond.view());
  calibration.observe("unet", "a", kSecond.view());
  EXPECT_EQ(calibration.input(both, 1), nullptr);  // never came by
  const ObservedValue* seen = calibration.input(one, 0);
  ASSERT_NE(seen, nullptr);
  EXPECT_EQ(calibration.input(both, 0), seen);
  const auto ranges = seen->ranges.channels();
  EXPECT_EQ(ranges[0].low, -1);
  EXPECT_EQ(ranges[0].high, 4);
  EXPECT_EQ(ranges[2].low, -6);
  EXPECT_EQ(ranges[2].high, 9);
  EXPECT_EQ(seen->moments.rows(), 4);
  EXPECT_EQ(seen->moments.means(), (std::vector<double>{1.5, 1, 1.5}));
  EXPECT_EQ(seen->moments.mean_squares(), (std::vector<double>{5.5, 7.5, 31.5}));
}

TEST(Calibration, TakesProductsAndPositionsWhereTheyAreAskedFor) {
  const Layer one = layer("one", {"a"});
  const Layer other = layer("other", {"b"}, {Scheme::bf16, Scheme::w8a8_winograd});
  Calibration calibration({one, other}, {"unet/one"});
  for (const char* value : {"a", "b"}) calibration.observe("unet", value, kFirst.view());
  ASSERT_TRUE(calibration.input(one, 0)->moments.has_products());
  EXPECT_EQ(calibration.input(one, 0)->moments.products()[1], 9);  // (1 * -2 + 4 * 5) / 2
  EXPECT_FALSE(calibration.input(other, 0)->moments.has_products());
  EXPECT_EQ(calibration.positions(one), nullptr);
  ASSERT_NE(calibration.positions(other), nullptr);
  EXPECT_GT(calibration.positions(other)->histogram(5).highest(), 0);
}

TEST(Calibration, CountsWhatIsNotFiniteAndKeepsItOutOfTheMeans) {
  const Layer one = layer("one", {"a"});
  Calibration calibration({one});
  calibration.observe("unet", "a", kFirst.view());
  calibration.observe("unet", "a", picture({1, 2, NAN, 1, INFINITY, 1}).view());
  const ObservedValue& seen = *calibration.input(one, 0);
  EXPECT_EQ(seen.ranges.nan_count(), 1);
  EXPECT_EQ(seen.ranges.infinity_count(), 1);
  for (const double mean : seen.moments.means()) EXPECT_TRUE(std::isfinite(mean));
}

}  // namespace
}  // namespace edgefusion::quant
