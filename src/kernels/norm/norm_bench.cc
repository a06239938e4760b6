// Speed of every norm row on shapes of BK-SDM-Tiny at 512 x 512. bytes_per_second counts what must
// move at least: each input and output once (group norm reads its input twice).

#include <benchmark/benchmark.h>

#include "kernels/elementwise/kernel_test_data.h"
#include "kernels/norm/norm.h"

namespace edgefusion::kernels {
namespace {

struct Size {
  size_t rows, channels;
};

constexpr Size kSizes[] = {{4096, 320}, {1024, 640}, {256, 1280}, {4096, 960}, {77, 768}};

void run_group_norm(benchmark::State& state, const NormKernels& kernels, const Size& size) {
  const std::vector<float> src = random_floats(size.rows * size.channels, 1);
  std::vector<float> dst(src.size());
  GroupNorm norm{.src = src.data(),
                 .dst = dst.data(),
                 .ld_src = size.channels,
                 .ld_dst = size.channels,
                 .pixels = size.rows,
                 .channels = size.channels,
                 .groups = 32,
                 .activation = Activation::silu};
  const size_t chunks = group_norm_chunks(norm.pixels);
  std::vector<GroupMoments> moments(chunks * norm.groups);
  std::vector<float> scale(size.channels);
  std::vector<float> shift(size.channels);
  for (auto _ : state) {
    kernels.group_norm_moments(norm, 0, chunks, moments.data());
    kernels.group_norm_merge(norm, moments.data(), scale.data(), shift.data());
    kernels.group_norm_apply(norm, scale.data(), shift.data(), 0, norm.pixels);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(8 * src.size()));
}

void run_layer_norm(benchmark::State& state, const NormKernels& kernels, const Size& size) {
  const std::vector<float> src = random_floats(size.rows * size.channels, 1);
  const std::vector<float> gamma = random_floats(size.channels, 2);
  const std::vector<float> beta = random_floats(size.channels, 3);
  std::vector<float> dst(src.size());
  const LayerNorm norm{.src = src.data(),
                       .dst = dst.data(),
                       .ld_src = size.channels,
                       .ld_dst = size.channels,
                       .channels = size.channels,
                       .gamma = gamma.data(),
                       .beta = beta.data()};
  for (auto _ : state) kernels.layer_norm(norm, 0, size.rows);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(8 * src.size()));
}

void register_all() {
  for (const NormKernels& kernels : usable_rows(norm_kernels())) {
    for (const Size& size : kSizes) {
      const std::string shape =
          "/" + std::to_string(size.rows) + "x" + std::to_string(size.channels);
      const std::string name = kernels.name;
      benchmark::RegisterBenchmark((name + "/group_silu" + shape).c_str(), run_group_norm, kernels,
                                   size);
      benchmark::RegisterBenchmark((name + "/layer" + shape).c_str(), run_layer_norm, kernels,
                                   size);
    }
  }
}

}  // namespace
}  // namespace edgefusion::kernels

int main(int argc, char** argv) {
  edgefusion::kernels::register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
