#include "quant/range_observer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quant/testing/random_values.h"

namespace edgefusion::quant {
namespace {

void expect_equal(const RangeHistogram& a, const RangeHistogram& b) {
  EXPECT_EQ(a.count(), b.count());
  EXPECT_EQ(a.lowest(), b.lowest());
  EXPECT_EQ(a.highest(), b.highest());
  EXPECT_EQ(a.bin_width(), b.bin_width());
  const auto x = a.bins(), y = b.bins();
  ASSERT_EQ(x.size(), y.size());
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(x[i].low, y[i].low) << i;
    EXPECT_EQ(x[i].high, y[i].high) << i;
    EXPECT_EQ(x[i].count, y[i].count) << i;
  }
}

/// Values of very different sizes, so that bins are joined many times.
std::vector<float> wide_values(uint64_t seed, size_t count) {
  RandomValues random(seed);
  std::vector<float> values(count);
  for (float& x : values) x = static_cast<float>(random.normal() * std::exp(3 * random.normal()));
  return values;
}

TEST(RangeHistogram, CountsEveryValueInItsBin) {
  const std::vector<float> values = wide_values(1, 5000);
  RangeHistogram histogram;
  for (const float value : values) histogram.add(std::span(&value, 1));
  const auto bins = histogram.bins();
  EXPECT_LE(bins.size(), static_cast<size_t>(RangeHistogram::kMostBins));
  EXPECT_GE(bins.size(), static_cast<size_t>(RangeHistogram::kMostBins / 2));
  const double width = histogram.bin_width();
  int64_t total = 0;
  for (const auto& bin : bins) {
    // Ends inside of the range are multiples of the width, open at the top.
    const double k = std::floor(bin.low / width);
    const auto inside = std::ranges::count_if(
        values, [&](float x) { return std::floor(static_cast<double>(x) / width) == k; });
    EXPECT_EQ(bin.count, inside) << bin.low;
    total += bin.count;
  }
  EXPECT_EQ(total, 5000);
}

TEST(RangeHistogram, DoesNotDependOnOrderOrSplits) {
  std::vector<float> values = wide_values(2, 3000);
  RangeHistogram whole;
  whole.add(values);
  RangeHistogram ascending;
  std::ranges::sort(values);
  for (size_t i = 0; i < values.size(); i += 7) {
    ascending.add(std::span(values).subspan(i, std::min<size_t>(7, values.size() - i)));
  }
  expect_equal(whole, ascending);
  RangeHistogram left, right;
  right.add(std::span(values).first(1000));
  left.add(std::span(values).subspan(1000));
  left.merge(right);
  expect_equal(whole, left);
}

TEST(RangeHistogram, HoldsExtremesOfItsType) {
  RangeHistogram histogram;
  const std::vector<float> tiny = {1e-45f, -1e-45f, 0.0f, -0.0f};
  histogram.add(tiny);
  EXPECT_EQ(histogram.bins().size(), 3u);
  const std::vector<float> huge = {3.4e38f, -3.4e38f};
  histogram.add(huge);
  EXPECT_EQ(histogram.count(), 6);
  int64_t total = 0;
  for (const auto& bin : histogram.bins()) total += bin.count;
  EXPECT_EQ(total, 6);
}

TEST(RangeHistogram, OfOneValueIsOneBin) {
  RangeHistogram histogram;
  const std::vector<float> same(10, 1000.25f);
  histogram.add(same);
  ASSERT_EQ(histogram.bins().size(), 1u);
  EXPECT_EQ(histogram.bins()[0].low, 1000.25);
  EXPECT_EQ(histogram.bins()[0].high, 1000.25);
  EXPECT_EQ(histogram.bins()[0].count, 10);
}

TEST(RangeHistogram, ResampledKeepsTheSum) {
  RangeHistogram histogram;
  histogram.add(wide_values(3, 1000));
  for (const int columns : {1, 7, 64, 5000}) {
    const auto drawn = histogram.resampled(columns);
    EXPECT_NEAR(std::accumulate(drawn.begin(), drawn.end(), 0.0), 1000.0, 1e-6) << columns;
  }
  const std::vector<double> none = RangeHistogram().resampled(4);
  EXPECT_EQ(none, std::vector<double>(4, 0.0));
}

TEST(RangeObserver, KnowsTheRangeOfEachChannel) {
  RangeObserver observer(3);
  observer.observe(std::vector<float>{1, -2, 0, 3, -5, 0});
  observer.observe(std::vector<float>{2, 7, 0});
  EXPECT_EQ(observer.channels()[0].low, 1.0f) << "0 is no value of this channel";
  EXPECT_EQ(observer.channels()[0].high, 3.0f);
  EXPECT_EQ(observer.channels()[1].low, -5.0f);
  EXPECT_EQ(observer.channels()[1].largest(), 7.0f);
  EXPECT_EQ(observer.channels()[2].largest(), 0.0f);
  EXPECT_EQ(observer.histogram().count(), 9);
}

TEST(RangeObserver, CountsWhatIsNoNumberApart) {
  RangeObserver observer(2);
  observer.observe(std::vector<float>{NAN, 1, INFINITY, 2, -INFINITY, NAN, NAN, -3});
  EXPECT_EQ(observer.nan_count(), 3);
  EXPECT_EQ(observer.infinity_count(), 2);
  EXPECT_EQ(observer.histogram().count(), 3);
  EXPECT_EQ(observer.histogram().highest(), 2.0f);
  EXPECT_EQ(observer.channels()[0].largest(), 0.0f) << "nothing finite there";
  EXPECT_EQ(observer.channels()[1].low, -3.0f);
}

TEST(RangeObserver, MergedObserversAreOneThatSawAll) {
  const std::vector<float> values = wide_values(4, 4000);
  RangeObserver whole(4), first(4), second(4), third(4);
  whole.observe(values);
  first.observe(std::span(values).first(400));
  second.observe(std::span(values).subspan(400, 1200));
  third.observe(std::span(values).subspan(1600));
  third.merge(first);
  third.merge(RangeObserver(4));
  third.merge(second);
  expect_equal(whole.histogram(), third.histogram());
  for (size_t c = 0; c < 4; ++c) {
    EXPECT_EQ(whole.channels()[c].low, third.channels()[c].low);
    EXPECT_EQ(whole.channels()[c].high, third.channels()[c].high);
  }
}

}  // namespace
}  // namespace edgefusion::quant
