#include "train/picture_quality.h"

#include <ATen/ATen.h>

namespace edgefusion::train {
namespace {

constexpr double kRange = 2.0;  // from -1 to 1

/// Weighted means over the window around each pixel. [N*C,1,H,W] -> [N*C,1,H-10,W-10]
at::Tensor windowed(const at::Tensor& x) {
  constexpr int64_t kSide = 11;
  constexpr double kSigma = 1.5;
  const at::Tensor offset = at::arange(kSide, x.options()) - (kSide / 2);
  at::Tensor line = (-(offset.square()) / (2 * kSigma * kSigma)).exp();
  line = line / line.sum();
  return at::conv2d(at::conv2d(x, line.view({1, 1, kSide, 1})), line.view({1, 1, 1, kSide}));
}

}  // namespace

at::Tensor psnr(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor error = (a - b).square().flatten(1).mean(1);
  return 10 * (kRange * kRange / error).log10();
}

at::Tensor ssim(const at::Tensor& a, const at::Tensor& b) {
  constexpr double kC1 = 0.01 * kRange * 0.01 * kRange, kC2 = 0.03 * kRange * 0.03 * kRange;
  const auto planes = [](const at::Tensor& x) {
    return x.to(at::kDouble).permute({0, 3, 1, 2}).reshape({-1, 1, x.size(1), x.size(2)});
  };
  const at::Tensor x = planes(a), y = planes(b);
  const at::Tensor mean_x = windowed(x), mean_y = windowed(y);
  const at::Tensor var_x = windowed(x * x) - mean_x * mean_x;
  const at::Tensor var_y = windowed(y * y) - mean_y * mean_y;
  const at::Tensor cov = windowed(x * y) - mean_x * mean_y;
  const at::Tensor map = (2 * mean_x * mean_y + kC1) * (2 * cov + kC2) /
                         ((mean_x.square() + mean_y.square() + kC1) * (var_x + var_y + kC2));
  return map.view({a.size(0), -1}).mean(1).to(at::kFloat);
}

}  // namespace edgefusion::train
