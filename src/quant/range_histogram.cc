#include "quant/range_histogram.h"

#include <algorithm>
#include <cmath>

namespace edgefusion::quant {
namespace {

/// The k of a value's bin. Scaling by a power of two is exact in f64.
int64_t bin_of(float value, double inverse_width) {
  const double scaled = static_cast<double>(value) * inverse_width;
  const auto truncated = static_cast<int64_t>(scaled);
  return truncated - (scaled < static_cast<double>(truncated) ? 1 : 0);
}

/// Grows with the range, never shrinks: a histogram that has grown is one that began so.
int smallest_exponent(float low, float high) {
  const double largest = std::max(std::fabs(low), std::fabs(high));
  if (largest == 0) return -149;  // the smallest f32 is 2^-149
  // Indices stay below 2^31, however narrow the range.
  int exponent = std::max(std::ilogb(largest) - 30, -149);
  while (true) {
    const double inverse = std::ldexp(1.0, -exponent);
    if (bin_of(high, inverse) - bin_of(low, inverse) < RangeHistogram::kMostBins) return exponent;
    ++exponent;
  }
}

}  // namespace

void RangeHistogram::grow_to(float low, float high) {
  const bool first = count_ == 0;
  const int exponent = smallest_exponent(low, high);
  const double inverse = std::ldexp(1.0, -exponent);
  const int64_t first_bin = bin_of(low, inverse);
  const auto bins = static_cast<size_t>(bin_of(high, inverse) - first_bin + 1);
  std::vector<int64_t> counts(bins, 0);
  if (!first) {
    const int shift = std::min(exponent - exponent_, 62);
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] == 0) continue;
      const int64_t k = (first_bin_ + static_cast<int64_t>(i)) >> shift;  // rounds down
      counts[static_cast<size_t>(k - first_bin)] += counts_[i];
    }
  }
  counts_ = std::move(counts);
  first_bin_ = first_bin;
  exponent_ = exponent;
  lowest_ = low;
  highest_ = high;
}

void RangeHistogram::add(std::span<const float> values) {
  if (values.empty()) return;
  float low = values[0], high = values[0];
  for (const float value : values) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (count_ > 0) {
    low = std::min(low, lowest_);
    high = std::max(high, highest_);
  }
  if (count_ == 0 || low < lowest_ || high > highest_) grow_to(low, high);
  const double inverse = std::ldexp(1.0, -exponent_);
  for (const float value : values) {
    ++counts_[static_cast<size_t>(bin_of(value, inverse) - first_bin_)];
  }
  count_ += static_cast<int64_t>(values.size());
}

void RangeHistogram::merge(const RangeHistogram& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  RangeHistogram theirs = other;
  const float low = std::min(lowest_, other.lowest_), high = std::max(highest_, other.highest_);
  grow_to(low, high);
  theirs.grow_to(low, high);
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += theirs.counts_[i];
  count_ += other.count_;
}

double RangeHistogram::bin_width() const { return std::ldexp(1.0, exponent_); }

std::vector<RangeHistogram::Bin> RangeHistogram::bins() const {
  std::vector<Bin> bins;
  const double width = bin_width();
  for (size_t i = 0; i < counts_.size(); ++i) {
    const double low = static_cast<double>(first_bin_ + static_cast<int64_t>(i)) * width;
    bins.push_back({std::max(low, static_cast<double>(lowest_)),
                    std::min(low + width, static_cast<double>(highest_)), counts_[i]});
  }
  return bins;
}

std::vector<double> RangeHistogram::resampled(int columns) const {
  std::vector<double> result(static_cast<size_t>(columns), 0.0);
  const double range = static_cast<double>(highest_) - static_cast<double>(lowest_);
  const auto column_of = [&](double value) {
    return range > 0 ? (value - static_cast<double>(lowest_)) / range * columns : 0.0;
  };
  for (const Bin& bin : bins()) {
    const double from = column_of(bin.low), to = column_of(bin.high);
    const int first = std::min(static_cast<int>(from), columns - 1);
    if (to <= from) {
      result[static_cast<size_t>(first)] += static_cast<double>(bin.count);
      continue;
    }
    for (int c = first; c < columns && c < to; ++c) {
      const double share = (std::min<double>(to, c + 1) - std::max<double>(from, c)) / (to - from);
      result[static_cast<size_t>(c)] += share * static_cast<double>(bin.count);
    }
  }
  return result;
}

}  // namespace edgefusion::quant
