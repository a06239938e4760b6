#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quant/range_histogram.h"

namespace edgefusion::quant {

/// Lowest and highest finite value of one channel; both 0 while it has none.
struct ChannelRange {
  float low = 0, high = 0;
  float largest() const;  ///< of |value|
};

/// What calibration sees of one activation, over many runs: a histogram, the range of each channel,
/// and how many values were no numbers. Exact, and the same in whatever order tensors come or
/// observers are merged.
class RangeObserver {
 public:
  explicit RangeObserver(int64_t channels);

  /// values [N, channels], channels last.
  void observe(std::span<const float> values);
  /// Another observer of the same activation.
  void merge(const RangeObserver& other);

  const RangeHistogram& histogram() const { return histogram_; }
  std::span<const ChannelRange> channels() const { return channels_; }
  int64_t nan_count() const { return nan_count_; }
  int64_t infinity_count() const { return infinity_count_; }  ///< of both signs

 private:
  void observe_rows(std::span<const float> values);
  void widen(size_t channel, float low, float high);

  RangeHistogram histogram_;
  std::vector<ChannelRange> channels_;
  std::vector<bool> seen_;  // channels that have a finite value
  int64_t nan_count_ = 0, infinity_count_ = 0;
};

}  // namespace edgefusion::quant
