#include "train/random_view.h"

#include <ATen/ATen.h>

namespace edgefusion::train {
namespace {

constexpr int64_t kBilinear = 0, kRepeatBorder = 1;  // modes of grid_sampler

/// 21 bits of the seed as a number from -1 to 1.
float part_of(uint64_t seed, int index) {
  constexpr uint64_t kSteps = (uint64_t{1} << 21) - 1;
  const uint64_t bits = (seed >> (21 * index)) & kSteps;
  return static_cast<float>(2.0 * static_cast<double>(bits) / static_cast<double>(kSteps) - 1.0);
}

}  // namespace

at::Tensor random_views(const at::Tensor& pictures, std::span<const uint64_t> seeds,
                        const ViewRange& range) {
  if (range.zoom == 0 && range.shift == 0) return pictures;
  const int64_t count = pictures.size(0);
  at::Tensor maps = at::zeros({count, 2, 3});
  float* map = maps.data_ptr<float>();
  for (const uint64_t seed : seeds) {
    const float factor = 1.0f + static_cast<float>(range.zoom) * part_of(seed, 0);
    map[0] = map[4] = factor;
    // A picture is 2 wide in the coordinates of grid_sampler.
    map[2] = 2.0f * static_cast<float>(range.shift) * part_of(seed, 1);
    map[5] = 2.0f * static_cast<float>(range.shift) * part_of(seed, 2);
    map += 6;
  }
  const at::Tensor planes = pictures.permute({0, 3, 1, 2}).contiguous();
  const at::Tensor grid = at::affine_grid_generator(maps, planes.sizes(), false);
  return at::grid_sampler_2d(planes, grid, kBilinear, kRepeatBorder, false)
      .permute({0, 2, 3, 1})
      .contiguous();
}

}  // namespace edgefusion::train
