// torch.randn on the CPU, bit for bit.
// Source of the algorithm: ATen/native/cpu/DistributionTemplates.h (normal_fill_AVX2), its
// vector math avx_mathfun.h (Cephes polynomials) and ATen/core/DistributionsHelper.h. torch runs
// the AVX2 form on AVX-512 machines too, and its compiler contracts a*b+c to fused operations;
// where that happens is written out below as std::fma, so that every CPU gives the same bits.
#include <bit>
#include <cmath>
#include <numbers>

#include "diffusion/noise.h"

namespace edgefusion::diffusion {
namespace {

constexpr size_t kBlock = 16;  // values of one Box-Muller block: 8 radii and 8 angles

// Natural logarithm of x in [2^-24, 1]: x = m * 2^e with m in [sqrt(1/2), sqrt(2)).
float log_f32(float x) {
  constexpr float kCoefficients[] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,
                                     -1.2420140846e-1f, 1.4249322787e-1f,  -1.6668057665e-1f,
                                     2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
  constexpr float kLn2Low = -2.12194440e-4f;
  constexpr float kLn2High = 0.693359375f;
  constexpr uint32_t kExponentMask = 0x7f800000u;
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  float e = static_cast<float>(static_cast<int>(bits >> 23) - 126);
  float m = std::bit_cast<float>((bits & ~kExponentMask) | std::bit_cast<uint32_t>(0.5f));
  if (m < 0.707106781186547524f) {
    e -= 1.0f;
    m = (m - 1.0f) + m;
  } else {
    m -= 1.0f;
  }
  const float square = m * m;
  float y = kCoefficients[0];
  for (int i = 1; i < 9; ++i) y = std::fma(y, m, kCoefficients[i]);
  y = std::fma(y * m, square, e * kLn2Low);
  y = std::fma(-square, 0.5f, y);
  return std::fma(e, kLn2High, m + y);
}

struct SinCos {
  float sine, cosine;
};

// Sine and cosine of x in [0, 2 pi], reduced to an octant by a three-part pi/4.
SinCos sincos_f32(float x) {
  constexpr float kOctantsPerRadian = 1.27323954473516f;
  const int octant = (static_cast<int>(x * kOctantsPerRadian) + 1) & ~1;
  const float n = static_cast<float>(octant);
  x = std::fma(n, -0.78515625f, x);
  x = std::fma(n, -2.4187564849853515625e-4f, x);
  x = std::fma(n, -3.77489497744594108e-8f, x);
  const float square = x * x;

  float cosine = std::fma(2.443315711809948e-5f, square, -1.388731625493765e-3f);
  cosine = std::fma(cosine, square, 4.166664568298827e-2f) * square;
  cosine = std::fma(cosine, square, -(square * 0.5f)) + 1.0f;

  float sine = std::fma(-1.9515295891e-4f, square, 8.3321608736e-3f);
  sine = std::fma(sine, square, -1.6666654611e-1f) * square;
  sine = std::fma(sine, x, x);

  const bool swapped = (octant & 2) != 0;  // sine of one quarter is cosine of the next
  const float s = swapped ? cosine : sine;
  const float c = swapped ? sine : cosine;
  const bool negate_sine = (octant & 4) != 0;
  const bool negate_cosine = ((octant - 2) & 4) == 0;
  return {negate_sine ? -s : s, negate_cosine ? -c : c};
}

// In place: 8 uniforms for the radius, then 8 for the angle, become 16 normal values.
void box_muller_block(float* data) {
  constexpr float kTwoPi = 2.0f * std::numbers::pi_v<float>;
  for (size_t i = 0; i < kBlock / 2; ++i) {
    const float radius = std::sqrt(-2.0f * log_f32(1.0f - data[i]));
    const SinCos angle = sincos_f32(kTwoPi * data[i + kBlock / 2]);
    // + 0: torch scales by the standard deviation and adds the mean, which makes -0 a +0.
    data[i] = radius * angle.cosine + 0.0f;
    data[i + kBlock / 2] = radius * angle.sine + 0.0f;
  }
}

}  // namespace

MersenneTwister::MersenneTwister(uint64_t seed) {
  state_[0] = static_cast<uint32_t>(seed);
  for (size_t i = 1; i < kStateWords; ++i) {
    const uint32_t previous = state_[i - 1];
    state_[i] = 1812433253u * (previous ^ (previous >> 30)) + static_cast<uint32_t>(i);
  }
}

void MersenneTwister::refill() {
  constexpr size_t kShift = 397;
  for (size_t i = 0; i < kStateWords; ++i) {
    const uint32_t mixed =
        (state_[i] & 0x80000000u) | (state_[(i + 1) % kStateWords] & 0x7fffffffu);
    const uint32_t twist = (mixed >> 1) ^ ((mixed & 1) != 0 ? 0x9908b0dfu : 0u);
    state_[i] = state_[(i + kShift) % kStateWords] ^ twist;
  }
  used_ = 0;
}

uint32_t MersenneTwister::next() {
  if (used_ == kStateWords) refill();
  uint32_t y = state_[used_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

float CpuGenerator::uniform_f32() {
  constexpr uint32_t kMask = (1u << 24) - 1;  // as many bits as a float's mantissa holds
  return static_cast<float>(engine_.next() & kMask) * 0x1p-24f;
}

double CpuGenerator::uniform_f64() {
  constexpr uint64_t kMask = (uint64_t{1} << 53) - 1;
  const uint64_t high = engine_.next();
  const uint64_t low = engine_.next();
  return static_cast<double>(((high << 32) | low) & kMask) * 0x1p-53;
}

double CpuGenerator::serial_normal() {
  if (spare_) {
    const double value = *spare_;
    spare_.reset();
    return value;
  }
  const double u1 = uniform_f64();
  const double u2 = uniform_f64();
  const double radius = std::sqrt(-2.0 * std::log1p(-u2));
  const double theta = 2.0 * std::numbers::pi * u1;
  spare_ = radius * std::sin(theta);
  return radius * std::cos(theta);
}

void CpuGenerator::randn(std::span<float> dst) {
  if (dst.size() < kBlock) {
    for (float& value : dst) value = static_cast<float>(serial_normal());
    return;
  }
  for (float& value : dst) value = uniform_f32();
  for (size_t i = 0; i + kBlock <= dst.size(); i += kBlock) box_muller_block(dst.data() + i);
  if (dst.size() % kBlock == 0) return;
  // The last 16 values are drawn anew: they overlap the last whole block.
  const std::span<float> tail = dst.last(kBlock);
  for (float& value : tail) value = uniform_f32();
  box_muller_block(tail.data());
}

}  // namespace edgefusion::diffusion
