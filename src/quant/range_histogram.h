#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace edgefusion::quant {

/// Counts of finite values in bins of equal width. The width is a power of two and bin k holds
/// [k * width, (k + 1) * width), so that joining two neighbours is exact; it is the smallest with
/// which lowest and highest value lie at most kMostBins apart. What a histogram says therefore
/// depends on the values alone, not on their order or on how they were split among tensors.
class RangeHistogram {
 public:
  static constexpr int64_t kMostBins = 2048;

  struct Bin {
    double low = 0, high = 0;  ///< cut to [lowest, highest]
    int64_t count = 0;
  };

  /// All values must be finite.
  void add(std::span<const float> values);
  void merge(const RangeHistogram& other);

  int64_t count() const { return count_; }  ///< of values
  /// Of the values; 0 while there are none.
  float lowest() const { return lowest_; }
  float highest() const { return highest_; }
  double bin_width() const;
  /// Ascending and without gaps, from the bin of the lowest to that of the highest value.
  std::vector<Bin> bins() const;
  /// Counts scaled down for drawing: `columns` of equal width between lowest and highest; what a
  /// bin holds is spread evenly over it.
  std::vector<double> resampled(int columns) const;

 private:
  void grow_to(float low, float high);

  std::vector<int64_t> counts_;
  int64_t first_bin_ = 0;  // the k of counts_[0]
  int exponent_ = 0;       // width = 2^exponent_
  int64_t count_ = 0;
  float lowest_ = 0, highest_ = 0;
};

}  // namespace edgefusion::quant
