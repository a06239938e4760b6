#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "quant/range_histogram.h"

namespace edgefusion::quant {

/// Positions of a transformed patch of F(2x2,3x3).
inline constexpr size_t kPatchPositions = 16;

/// What calibration sees of a 3x3 convolution's input as F(2x2,3x3) multiplies it: the values at
/// each position of B^T d B, over all patches and channels.
class PositionObserver {
 public:
  /// x [N,H,W,C] f32, padded by one pixel of zeros. upsample2x: as enlarged by two (nearest)
  /// before.
  void observe(const ConstTensorView& x, bool upsample2x);

  const RangeHistogram& histogram(size_t position) const { return histograms_[position]; }

 private:
  std::array<RangeHistogram, kPatchPositions> histograms_;
};

/// The scale of each position, [16], with the least error of s8 codes; 1 where nothing was seen.
std::vector<float> position_scales(const PositionObserver& observer);

/// Share of the transformed values beyond what s8 codes of those scales reach by half a step.
double clipped_share(const PositionObserver& observer, const std::vector<float>& scales);

}  // namespace edgefusion::quant
