// torch.randn on a CUDA device. Sources: ATen/native/cuda/DistributionTemplates.h (the grid and
// the offset), curand_philox4x32_x.h and curand_normal.h (the words and the Box-Muller form).
#include <algorithm>
#include <cmath>

#include "diffusion/noise.h"

namespace edgefusion::diffusion {
namespace {

constexpr uint64_t kWords = 4;  // random words per Philox block, and normal values made of them

void box_muller(uint32_t x, uint32_t y, float* dst) {
  constexpr float kInverse = 0x1p-32f;
  constexpr float kTwoPiInverse = kInverse * 6.2831855f;
  const float u = std::fma(static_cast<float>(x), kInverse, kInverse / 2);
  const float v = std::fma(static_cast<float>(y), kTwoPiInverse, kTwoPiInverse / 2);
  const float radius = std::sqrt(-2.0f * static_cast<float>(std::log(static_cast<double>(u))));
  dst[0] = radius * static_cast<float>(std::sin(static_cast<double>(v)));
  dst[1] = radius * static_cast<float>(std::cos(static_cast<double>(v)));
}

std::array<uint32_t, 2> halves(uint64_t value) {
  return {static_cast<uint32_t>(value), static_cast<uint32_t>(value >> 32)};
}

}  // namespace

std::array<uint32_t, 4> philox_4x32_10(std::array<uint32_t, 4> counter,
                                       std::array<uint32_t, 2> key) {
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const auto a = halves(uint64_t{0xD2511F53u} * counter[0]);
    const auto b = halves(uint64_t{0xCD9E8D57u} * counter[2]);
    counter = {b[1] ^ counter[1] ^ key[0], b[0], a[1] ^ counter[3] ^ key[1], a[0]};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

CudaGenerator::CudaGenerator(uint64_t seed, uint64_t max_blocks)
    : seed_(seed), max_blocks_(max_blocks) {
  EF_CHECK(max_blocks >= 1, "a grid has at least one block");
}

void CudaGenerator::randn(std::span<float> dst) {
  if (dst.empty()) return;
  const uint64_t count = dst.size();
  const uint64_t blocks = std::min(max_blocks_, (count + kThreadsPerBlock - 1) / kThreadsPerBlock);
  const uint64_t threads = blocks * kThreadsPerBlock;
  const uint64_t rounds = (count - 1) / (threads * kWords) + 1;
  const auto key = halves(seed_);
  for (uint64_t round = 0; round < rounds; ++round) {
    const auto block_index = halves(offset_ / kWords + round);
    for (uint64_t thread = 0; thread < threads; ++thread) {
      const uint64_t first = round * threads * kWords + thread;
      if (first >= count) break;
      const auto subsequence = halves(thread);
      const auto words =
          philox_4x32_10({block_index[0], block_index[1], subsequence[0], subsequence[1]}, key);
      float normals[kWords];
      box_muller(words[0], words[1], normals);
      box_muller(words[2], words[3], normals + 2);
      for (uint64_t i = 0; i < kWords && first + i * threads < count; ++i) {
        dst[first + i * threads] = normals[i];
      }
    }
  }
  offset_ += rounds * kWords;
}

}  // namespace edgefusion::diffusion
