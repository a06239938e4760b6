#include "quant/range_observer.h"

#include <algorithm>
#include <cmath>

#include "core/result.h"

namespace edgefusion::quant {

float ChannelRange::largest() const { return std::max(std::fabs(low), std::fabs(high)); }

RangeObserver::RangeObserver(int64_t channels)
    : channels_(static_cast<size_t>(channels)), seen_(static_cast<size_t>(channels), false) {
  EF_CHECK(channels > 0, "channels of an activation");
}

void RangeObserver::observe(std::span<const float> values) {
  EF_CHECK(values.size() % channels_.size() == 0, "whole rows of channels");
  observe_rows(values);
  if (std::ranges::all_of(values, [](float x) { return std::isfinite(x); })) {
    histogram_.add(values);
    return;
  }
  std::vector<float> finite;
  for (const float value : values) {
    if (std::isfinite(value)) {
      finite.push_back(value);
    } else {
      ++(std::isnan(value) ? nan_count_ : infinity_count_);
    }
  }
  histogram_.add(finite);
}

void RangeObserver::observe_rows(std::span<const float> values) {
  constexpr float kNone = INFINITY;
  const size_t width = channels_.size();
  std::vector<float> low(width, kNone), high(width, -kNone);
  for (size_t row = 0; row < values.size(); row += width) {
    for (size_t c = 0; c < width; ++c) {
      const float value = values[row + c];
      // False for NaN, as the comparisons below.
      if (!(std::fabs(value) < kNone)) continue;
      low[c] = std::min(low[c], value);
      high[c] = std::max(high[c], value);
    }
  }
  for (size_t c = 0; c < width; ++c) {
    if (low[c] <= high[c]) widen(c, low[c], high[c]);
  }
}

void RangeObserver::widen(size_t channel, float low, float high) {
  ChannelRange& range = channels_[channel];
  range = seen_[channel] ? ChannelRange{std::min(range.low, low), std::max(range.high, high)}
                         : ChannelRange{low, high};
  seen_[channel] = true;
}

void RangeObserver::merge(const RangeObserver& other) {
  EF_CHECK(channels_.size() == other.channels_.size(), "observers of one activation");
  histogram_.merge(other.histogram_);
  for (size_t c = 0; c < channels_.size(); ++c) {
    if (other.seen_[c]) widen(c, other.channels_[c].low, other.channels_[c].high);
  }
  nan_count_ += other.nan_count_;
  infinity_count_ += other.infinity_count_;
}

}  // namespace edgefusion::quant
