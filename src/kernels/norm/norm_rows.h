#pragma once

#include "kernels/highway_dispatch.h"
#include "kernels/norm/norm.h"

// Shared by the rows of the norm table and by nothing else.

namespace edgefusion::kernels {

/// Collects one chunk's channels, in order, into the moments of their groups. Exact to f64.
class GroupMomentsBuilder {
 public:
  /// `moments`: [groups], written group by group. `pixels`: of the chunk, >= 1.
  GroupMomentsBuilder(size_t group_size, size_t pixels, GroupMoments* moments)
      : group_size_(group_size), pixels_(static_cast<double>(pixels)), moments_(moments) {}

  /// A channel whose x - pivot sums to `sum`, and squared to `square`, over the chunk's pixels.
  void add_channel(float pivot, float sum, float square) {
    const double shift = sum / pixels_;
    const double mean = static_cast<double>(pivot) + shift;
    if (seen_ == 0) first_mean_ = mean;
    const double offset = mean - first_mean_;
    within_ += static_cast<double>(square) - static_cast<double>(sum) * shift;
    offsets_ += offset;
    squared_offsets_ += offset * offset;
    if (++seen_ == group_size_) finish_group();
  }

 private:
  void finish_group() {
    const double size = static_cast<double>(group_size_);
    const double between = squared_offsets_ - offsets_ * offsets_ / size;
    *moments_++ = {first_mean_ + offsets_ / size, within_ + pixels_ * between};
    seen_ = 0;
    within_ = offsets_ = squared_offsets_ = 0.0;
  }

  size_t group_size_;
  double pixels_;
  GroupMoments* moments_;
  size_t seen_ = 0;
  double first_mean_ = 0.0;
  double within_ = 0.0;
  double offsets_ = 0.0;
  double squared_offsets_ = 0.0;
};

/// The same for every instruction set.
void group_norm_merge(const GroupNorm& norm, const GroupMoments* moments, float* scale,
                      float* shift) noexcept;

struct RowStatistics {
  float mean;
  float rstd;
};

/// From a first guess of the mean, and the means of x - guess and of its square.
RowStatistics row_statistics(float guess, float mean_deviation, float mean_square, float eps);

/// What differs between the rows.
struct NormFunctions {
  decltype(NormKernels::group_norm_moments) moments;
  decltype(NormKernels::group_norm_apply) apply;
  decltype(NormKernels::layer_norm) layer_norm;
};

HighwayVariants<NormFunctions (*)(DType)> norm_variants();
NormFunctions norm_functions_scalar(DType dtype);

}  // namespace edgefusion::kernels
