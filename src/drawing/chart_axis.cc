#include "drawing/chart_axis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <span>
#include <tuple>
#include <utility>

#include "core/result.h"

namespace edgefusion::drawing {
namespace {

constexpr double kRound[] = {1, 2, 5};
constexpr int kFewestLogTicks = 3;  // fewer say too little about the scale

/// digit * 10^exponent; a negative power divides, so that 2 * 10^-1 is the 0.2 that one would
/// write.
double scaled(double digit, int exponent) {
  if (exponent < -300) return digit * std::pow(10.0, exponent);
  return exponent < 0 ? digit / std::pow(10.0, -exponent) : digit * std::pow(10.0, exponent);
}

int exponent_of(double value) { return static_cast<int>(std::floor(std::log10(value))); }

/// The smallest of 1, 2, 5 * 10^n that is not below `least`, as digit and exponent.
std::pair<double, int> round_step(double least) {
  for (int exponent = exponent_of(least) - 1;; ++exponent) {
    for (const double digit : kRound) {
      if (scaled(digit, exponent) >= least) return {digit, exponent};
    }
  }
}

std::vector<AxisTick> linear_ticks(double low, double high, int most_ticks) {
  const double slack = (high - low) * 1e-9;  // an end that is itself a tick counts, rounded or not
  auto [digit, exponent] = round_step((high - low) / most_ticks);
  double step = 0, first = 0, last = 0;
  for (;;) {
    step = scaled(digit, exponent);
    first = std::ceil((low - slack) / step);
    last = std::floor((high + slack) / step);
    if (last - first + 1 <= most_ticks) break;
    std::tie(digit, exponent) = round_step(step * 1.5);
  }
  std::vector<AxisTick> ticks;
  for (double i = first; i <= last; ++i) {
    const double value = i == 0 ? 0 : scaled(i * digit, exponent);
    ticks.push_back({value, tick_label(value, step)});
  }
  return ticks;
}

/// Ticks at the digits times every `stride`th power of ten.
std::vector<AxisTick> decade_ticks(double low, double high, std::span<const double> digits,
                                   int stride) {
  std::vector<AxisTick> ticks;
  const double slack = 1e-9;
  for (int exponent = exponent_of(low) - 1; exponent <= exponent_of(high) + 1; ++exponent) {
    if (exponent % stride != 0) continue;
    for (const double digit : digits) {
      const double value = scaled(digit, exponent);
      if (value < low * (1 - slack) || value > high * (1 + slack)) continue;
      ticks.push_back({value, tick_label(value)});
    }
  }
  return ticks;
}

std::vector<AxisTick> log_ticks(double low, double high, int most_ticks) {
  const std::span<const double> digits(kRound);
  const auto most = static_cast<size_t>(most_ticks);
  const auto enough = static_cast<size_t>(std::min(kFewestLogTicks, most_ticks));
  std::vector<AxisTick> ticks = decade_ticks(low, high, digits, 1);
  if (ticks.size() < enough) return linear_ticks(low, high, most_ticks);
  for (int stride = 1; ticks.size() > most; ++stride) {
    ticks = decade_ticks(low, high, digits.first(1), stride);
  }
  return ticks.size() < 2 ? linear_ticks(low, high, most_ticks) : ticks;
}

std::string with_suffix(double value, int digits, const char* suffix) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*g%s", digits, value, suffix);
  return text.data();
}

/// "2.5e-4": mantissa and exponent without padding.
std::string with_exponent(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*e", digits - 1, value);
  const std::string whole = text.data();
  const size_t e = whole.find('e');
  std::string mantissa = whole.substr(0, e);
  if (mantissa.find('.') != std::string::npos) {
    mantissa.erase(mantissa.find_last_not_of('0') + 1);
    if (mantissa.back() == '.') mantissa.pop_back();
  }
  return mantissa + "e" + std::to_string(std::stoi(whole.substr(e + 1)));
}

}  // namespace

double ChartAxis::fraction(double value) const {
  if (!logarithmic) return (value - low) / (high - low);
  return (std::log(value) - std::log(low)) / (std::log(high) - std::log(low));
}

ChartAxis make_linear_axis(double low, double high, double margin, int most_ticks) {
  EF_CHECK(low >= -kLargestValue && low <= high && high <= kLargestValue,
           std::to_string(low) + " to " + std::to_string(high));
  EF_CHECK(most_ticks >= 2 && margin >= 0, std::to_string(most_ticks) + " ticks");
  const double size = std::max(std::abs(low), std::abs(high));
  ChartAxis axis;
  // Values that differ in their last digits only count as one: ticks between them could not be told
  // apart.
  if (high - low <= 1e-11 * size || size < std::numeric_limits<double>::min()) {
    const double room = size < std::numeric_limits<double>::min() ? 1 : size / 10;
    axis.low = low - room;
    axis.high = high + room;
  } else {
    const double room = margin * (high - low);
    axis.low = low >= 0 ? std::max(0.0, low - room) : low - room;
    axis.high = high <= 0 ? std::min(0.0, high + room) : high + room;
  }
  axis.ticks = linear_ticks(axis.low, axis.high, most_ticks);
  return axis;
}

ChartAxis make_log_axis(double low, double high, double margin, int most_ticks) {
  EF_CHECK(low >= std::numeric_limits<double>::min() && low <= high && high <= kLargestValue,
           std::to_string(low) + " to " + std::to_string(high));
  EF_CHECK(most_ticks >= 2 && margin >= 0, std::to_string(most_ticks) + " ticks");
  ChartAxis axis;
  axis.logarithmic = true;
  const double factor = high <= low * (1 + 1e-9) ? 2 : std::exp(margin * std::log(high / low));
  axis.low = std::max(low / factor, std::numeric_limits<double>::min());
  axis.high = std::min(high * factor, 1e5 * kLargestValue);  // a power of ten above it is finite
  axis.ticks = log_ticks(axis.low, axis.high, most_ticks);
  return axis;
}

std::string tick_label(double value, double step) {
  if (value == 0) return "0";
  const double size = std::abs(value);
  // Digits down to the step's, which is one digit times a power of ten; at least the three that a
  // whole number below 1000 needs.
  const auto exponent = [](double number) { return exponent_of(number * (1 + 1e-9)); };
  const int digits = step > 0 ? std::clamp(exponent(size) - exponent(step) + 1, 3, 15) : 15;
  struct Unit {
    double size;
    const char* suffix;
  };
  constexpr Unit kUnits[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}};
  if (size >= 1e12 || size < 1e-3 * (1 - 1e-9)) return with_exponent(value, digits);
  for (const Unit& unit : kUnits) {
    if (size >= unit.size * (1 - 1e-9)) return with_suffix(value / unit.size, digits, unit.suffix);
  }
  return with_suffix(value, digits, "");
}

}  // namespace edgefusion::drawing
