#include "diffusion/noise.h"

#include <utility>

namespace edgefusion::diffusion {
namespace {

std::unique_ptr<NoiseGenerator> make_single(uint64_t seed, NoiseDevice device) {
  if (device == NoiseDevice::cuda) return std::make_unique<CudaGenerator>(seed);
  return std::make_unique<CpuGenerator>(seed);
}

}  // namespace

PerImageGenerator::PerImageGenerator(std::vector<std::unique_ptr<NoiseGenerator>> images)
    : images_(std::move(images)) {
  EF_CHECK(!images_.empty(), "a batch has at least one picture");
}

void PerImageGenerator::randn(std::span<float> dst) {
  EF_CHECK(dst.size() % images_.size() == 0, "values must split evenly over the pictures");
  const size_t part = dst.size() / images_.size();
  for (size_t i = 0; i < images_.size(); ++i) images_[i]->randn(dst.subspan(i * part, part));
}

std::unique_ptr<NoiseGenerator> make_noise_generator(uint64_t seed, const NoiseOptions& options) {
  EF_CHECK(options.images >= 1, "a batch has at least one picture");
  // diffusers treats a list of one generator as that generator; so it is one code path here.
  if (options.seeds == BatchSeeds::shared) return make_single(seed, options.device);
  std::vector<std::unique_ptr<NoiseGenerator>> images;
  for (int i = 0; i < options.images; ++i) {
    images.push_back(make_single(seed + static_cast<uint64_t>(i), options.device));
  }
  return std::make_unique<PerImageGenerator>(std::move(images));
}

Result<std::vector<float>> noise_for_batch(const Shape& shape, uint64_t seed,
                                           NoiseOptions options) {
  const auto elements = shape.checked_elements();
  if (shape.rank() != 4 || !elements || *elements <= 0 || shape[0] > INT32_MAX) {
    return fail(ErrorCode::invalid_argument,
                "latents: shape " + shape.to_string() + ", expected [N,C,H,W], none of them 0");
  }
  options.images = static_cast<int>(shape[0]);
  std::vector<float> noise(static_cast<size_t>(*elements));
  make_noise_generator(seed, options)->randn(noise);
  return noise;
}

}  // namespace edgefusion::diffusion
