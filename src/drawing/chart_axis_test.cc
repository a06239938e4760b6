#include "drawing/chart_axis.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace edgefusion::drawing {
namespace {

std::string labels(const ChartAxis& axis) {
  std::string all;
  for (const AxisTick& tick : axis.ticks) all += (all.empty() ? "" : " ") + tick.label;
  return all;
}

TEST(ChartAxis, TicksOfALinearAxisAreRoundNumbers) {
  EXPECT_EQ(labels(make_linear_axis(0, 0.21, 0, 6)), "0 0.05 0.1 0.15 0.2");
  EXPECT_EQ(labels(make_linear_axis(0, 10000, 0, 6)), "0 2k 4k 6k 8k 10k");
  EXPECT_EQ(labels(make_linear_axis(-1, 1, 0, 5)), "-1 -0.5 0 0.5 1");
  EXPECT_EQ(labels(make_linear_axis(0, 5e-4, 0, 6)), "0 1e-4 2e-4 3e-4 4e-4 5e-4");
  EXPECT_EQ(labels(make_linear_axis(0, 2.2e6, 0, 5)), "0 500k 1M 1.5M 2M");
  EXPECT_EQ(labels(make_linear_axis(900, 1100, 0, 5)), "900 950 1k 1.05k 1.1k");
}

TEST(ChartAxis, TicksLieInsideAndAreEvenlySpaced) {
  for (const double size : {1e-300, 3e-7, 0.7, 1.0, 42.0, 9.9e8, 1e300}) {
    for (const double start : {-1.0, -0.3, 0.0, 0.9999}) {
      for (int most = 2; most <= 12; ++most) {
        const ChartAxis axis = make_linear_axis(start * size, size, 0.05, most);
        ASSERT_LT(axis.low, axis.high);
        EXPECT_LE(axis.ticks.size(), static_cast<size_t>(most));
        ASSERT_GE(axis.ticks.size(), 1u);
        for (size_t i = 0; i < axis.ticks.size(); ++i) {
          EXPECT_GE(axis.fraction(axis.ticks[i].value), -1e-8);
          EXPECT_LE(axis.fraction(axis.ticks[i].value), 1 + 1e-8);
          if (i < 2) continue;
          const double step = axis.ticks[i].value - axis.ticks[i - 1].value;
          EXPECT_NEAR(step / (axis.ticks[1].value - axis.ticks[0].value), 1, 1e-6);
        }
      }
    }
  }
}

TEST(ChartAxis, TheMarginStopsAtZero) {
  EXPECT_EQ(make_linear_axis(0.1, 10, 0.05, 5).low, 0);
  EXPECT_EQ(make_linear_axis(-10, -0.1, 0.05, 5).high, 0);
  EXPECT_DOUBLE_EQ(make_linear_axis(5, 15, 0.1, 5).low, 4);
  EXPECT_DOUBLE_EQ(make_linear_axis(-5, 15, 0.1, 5).high, 17);
}

TEST(ChartAxis, OneValueLiesInTheMiddle) {
  for (const double value : {0.0, 0.25, -3.0, 1e-310, 1e300, -1e300}) {
    const ChartAxis axis = make_linear_axis(value, value, 0.05, 5);
    EXPECT_NEAR(axis.fraction(value), 0.5, 1e-9) << value;
    EXPECT_GE(axis.ticks.size(), 2u) << value;
  }
  EXPECT_NEAR(make_linear_axis(1, 1 + 1e-15, 0, 5).fraction(1), 0.5, 1e-9);
  EXPECT_NEAR(make_log_axis(0.03, 0.03, 0.05, 5).fraction(0.03), 0.5, 1e-9);
}

TEST(ChartAxis, TicksOfALogarithmicAxisArePowersOfTen) {
  EXPECT_EQ(labels(make_log_axis(1e-4, 1, 0, 6)), "1e-4 0.001 0.01 0.1 1");
  EXPECT_EQ(labels(make_log_axis(0.1, 10, 0, 8)), "0.1 0.2 0.5 1 2 5 10");
  EXPECT_EQ(labels(make_log_axis(1, 1e12, 0, 5)), "1 1k 1M 1G 1e12");
  EXPECT_EQ(labels(make_log_axis(0.11, 0.14, 0, 5)), "0.11 0.12 0.13 0.14");
}

TEST(ChartAxis, LogarithmicAxesHoldAnyRange) {
  const double least = std::numeric_limits<double>::min();
  for (const double low : {least, 1e-200, 3e-5, 0.9}) {
    for (const double high : {0.9, 1.0, 12.0, 5e7, 1e300}) {
      for (int most = 2; most <= 12; ++most) {
        const ChartAxis axis = make_log_axis(low, high, 0.05, most);
        ASSERT_TRUE(axis.low > 0 && axis.low < axis.high && std::isfinite(axis.high));
        EXPECT_LE(axis.ticks.size(), static_cast<size_t>(most));
        EXPECT_GE(axis.ticks.size(), 1u) << low << " " << high << " " << most;
        for (const AxisTick& tick : axis.ticks) {
          EXPECT_GE(axis.fraction(tick.value), -1e-8);
          EXPECT_LE(axis.fraction(tick.value), 1 + 1e-8);
        }
      }
    }
  }
}

TEST(ChartAxis, FractionsFollowTheScale) {
  EXPECT_DOUBLE_EQ(make_linear_axis(0, 10, 0, 5).fraction(2.5), 0.25);
  EXPECT_NEAR(make_log_axis(0.01, 100, 0, 5).fraction(0.1), 0.25, 1e-12);
}

TEST(TickLabel, NumbersAreShort) {
  EXPECT_EQ(tick_label(0), "0");
  EXPECT_EQ(tick_label(0.05), "0.05");
  EXPECT_EQ(tick_label(2000), "2k");
  EXPECT_EQ(tick_label(1e-4), "1e-4");
  EXPECT_EQ(tick_label(-2.5e-7), "-2.5e-7");
  EXPECT_EQ(tick_label(0.001), "0.001");
  EXPECT_EQ(tick_label(999), "999");
  EXPECT_EQ(tick_label(1500000), "1.5M");
  EXPECT_EQ(tick_label(3e9), "3G");
  EXPECT_EQ(tick_label(1e300), "1e300");
}

TEST(TickLabel, TheStepSaysHowManyDigitsMatter) {
  EXPECT_EQ(tick_label(0.1 + 0.2, 0.1), "0.3");
  EXPECT_EQ(tick_label(3 * 0.05, 0.05), "0.15");
  EXPECT_EQ(tick_label(1000002, 1), "1.000002M");
  EXPECT_EQ(tick_label(950, 50), "950");
}

}  // namespace
}  // namespace edgefusion::drawing
