#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/result.h"
#include "core/shape.h"

namespace edgefusion::diffusion {

/// A stream of standard normal values that equals what torch.randn gives for the same seed and the
/// same sequence of calls. Values come in the order of a contiguous NCHW tensor: a caller that
/// holds channels-last latents fills an NCHW buffer and transposes it.
class NoiseGenerator {
 public:
  virtual ~NoiseGenerator() = default;
  /// One torch.randn call of dst.size() elements. Splitting a call gives other values.
  virtual void randn(std::span<float> dst) = 0;
};

/// The Mersenne Twister MT19937 as torch seeds it: only the low 32 bits of a seed count.
class MersenneTwister {
 public:
  explicit MersenneTwister(uint64_t seed);
  uint32_t next();

 private:
  static constexpr size_t kStateWords = 624;

  void refill();

  std::array<uint32_t, kStateWords> state_;
  size_t used_ = kStateWords;
};

/// torch.Generator("cpu").manual_seed(seed): the same bits as torch on an x86 CPU with AVX2, on
/// every CPU. A negative seed of torch is its two's complement here.
/// Calls of 16 values and more and calls of fewer are two algorithms in torch; both are here, with
/// the half-used pair of the latter carried from call to call as torch carries it.
class CpuGenerator final : public NoiseGenerator {
 public:
  explicit CpuGenerator(uint64_t seed) : engine_(seed) {}
  void randn(std::span<float> dst) override;

 private:
  float uniform_f32();
  double uniform_f64();
  double serial_normal();

  MersenneTwister engine_;
  std::optional<double> spare_;  // second value of the last pair of the serial algorithm
};

/// Four random words: one block of Philox 4x32-10 (Salmon et al., SC 2011).
std::array<uint32_t, 4> philox_4x32_10(std::array<uint32_t, 4> counter,
                                       std::array<uint32_t, 2> key);

/// torch.Generator("cuda").manual_seed(seed), computed on the CPU. Element i of a call belongs to
/// GPU thread i (mod the size of the grid); the words are exact, the normal values differ from a
/// GPU's by rounding only (there, sine and cosine are hardware approximations).
/// A GPU's grid is capped at its number of resident 256-thread blocks, so past 256 * max_blocks
/// elements in one call torch itself gives other noise on other GPUs.
class CudaGenerator final : public NoiseGenerator {
 public:
  static constexpr uint64_t kThreadsPerBlock = 256;
  /// An A100: 108 multiprocessors, 2048 threads each. 221,184 elements: 13 pictures of 512x512.
  static constexpr uint64_t kReferenceMaxBlocks = 108 * (2048 / kThreadsPerBlock);

  explicit CudaGenerator(uint64_t seed, uint64_t max_blocks = kReferenceMaxBlocks);
  void randn(std::span<float> dst) override;

 private:
  uint64_t seed_;
  uint64_t max_blocks_;
  uint64_t offset_ = 0;  // random words each thread has used so far, a multiple of 4
};

/// A generator per picture of a batch, as diffusers takes a list of generators: a call is split
/// evenly, part i comes from generator i.
class PerImageGenerator final : public NoiseGenerator {
 public:
  explicit PerImageGenerator(std::vector<std::unique_ptr<NoiseGenerator>> images);
  void randn(std::span<float> dst) override;

 private:
  std::vector<std::unique_ptr<NoiseGenerator>> images_;
};

enum class NoiseDevice { cpu, cuda };
enum class BatchSeeds {
  shared,     ///< one generator draws the whole batch (diffusers with one generator)
  per_image,  ///< picture i has seed + i, so it looks the same in a batch of any size
};

struct NoiseOptions {
  NoiseDevice device = NoiseDevice::cpu;
  BatchSeeds seeds = BatchSeeds::shared;
  int images = 1;  ///< pictures in the batch, at least 1; used by per_image
};

std::unique_ptr<NoiseGenerator> make_noise_generator(uint64_t seed, const NoiseOptions& options);

/// The first draw for latents of shape [N,C,H,W] (options.images is N); NCHW order.
/// Errors: invalid_argument for a shape of another rank, an empty or an overflowing one.
Result<std::vector<float>> noise_for_batch(const Shape& shape, uint64_t seed, NoiseOptions options);

}  // namespace edgefusion::diffusion
