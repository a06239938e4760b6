#pragma once

#include <span>

#include "formats/image.h"

namespace edgefusion::quant {

/// Peak signal-to-noise ratio in dB of two pictures of one size and as many channels, at a peak of
/// 255; infinity for equal ones.
double psnr_db(const formats::Image& a, const formats::Image& b);

/// Structural similarity of two pictures of one size, at least 11 pixels a side, and as many
/// channels: the mean over channels and all windows of 11x11 pixels that lie inside, weighted by a
/// Gauss curve of sigma 1.5; 1 for equal ones.
/// Source: Wang et al. 2004, with their constants (0.01 * 255)^2 and (0.03 * 255)^2.
double ssim(const formats::Image& a, const formats::Image& b);

/// Signal to quantisation noise in dB: power of the exact values over power of the difference.
/// Infinity for equal ones; minus infinity if a value of either is no number.
double sqnr_db(std::span<const float> exact, std::span<const float> quantised);

}  // namespace edgefusion::quant
