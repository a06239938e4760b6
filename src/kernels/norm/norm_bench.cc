// Speed of every norm row on shapes of BK-SDM-Tiny at 512 x 512, of its skip connections (two
// sources) and of the decoder. bytes_per_second counts what moves: each input and output once, but
// group norm reads its input twice.

#include <benchmark/benchmark.h>

#include "kernels/elementwise/kernel_test_data.h"
#include "kernels/norm/norm.h"

namespace edgefusion::kernels {
namespace {

struct Size {
  size_t rows, channels;
};

constexpr Size kSizes[] = {{4096, 320}, {1024, 640}, {256, 1280}, {77, 768}};
constexpr Size kImage = {size_t{512} * 512, 128};

/// The parts of group norm.
enum class Part { all, moments, merge, apply };

struct PartName {
  Part part;
  const char* name;
};

constexpr PartName kParts[] = {{Part::all, "group_silu"},
                               {Part::moments, "group_moments"},
                               {Part::merge, "group_merge"},
                               {Part::apply, "group_apply_silu"}};

void run_group_norm(benchmark::State& state, const NormKernels& kernels, const Size& size,
                    size_t channels2, Part part) {
  const size_t first = size.channels - channels2;
  const Stored src(kernels.dtype, random_floats(size.rows * first, 1));
  const Stored src2(kernels.dtype, random_floats(size.rows * channels2, 2));
  Stored dst(kernels.dtype, size.rows * size.channels, 0.0f);
  const GroupNorm norm{.src = src.data(),
                       .src2 = channels2 != 0 ? src2.data() : nullptr,
                       .dst = dst.data(),
                       .ld_src = first,
                       .ld_src2 = channels2,
                       .ld_dst = size.channels,
                       .pixels = size.rows,
                       .channels = size.channels,
                       .channels2 = channels2,
                       .groups = 32,
                       .activation = Activation::silu};
  const size_t chunks = group_norm_chunks(norm.pixels);
  std::vector<GroupMoments> moments(chunks * norm.groups);
  std::vector<float> scale(size.channels);
  std::vector<float> shift(size.channels);
  for (auto _ : state) {
    const bool all = part == Part::all;
    if (all || part == Part::moments) kernels.group_norm_moments(norm, 0, chunks, moments.data());
    if (all || part == Part::merge) {
      kernels.group_norm_merge(norm, moments.data(), scale.data(), shift.data());
    }
    if (all || part == Part::apply) {
      kernels.group_norm_apply(norm, scale.data(), shift.data(), 0, norm.pixels);
    }
  }
  const size_t passes = part == Part::all ? 3 : part == Part::apply ? 2 : part == Part::moments;
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(passes * dst.size() * size_of(kernels.dtype)));
}

void run_layer_norm(benchmark::State& state, const NormKernels& kernels, const Size& size) {
  const Stored src(kernels.dtype, random_floats(size.rows * size.channels, 1));
  const std::vector<float> gamma = random_floats(size.channels, 2);
  const std::vector<float> beta = random_floats(size.channels, 3);
  Stored dst(kernels.dtype, src.size(), 0.0f);
  const LayerNorm norm{.src = src.data(),
                       .dst = dst.data(),
                       .ld_src = size.channels,
                       .ld_dst = size.channels,
                       .channels = size.channels,
                       .gamma = gamma.data(),
                       .beta = beta.data()};
  for (auto _ : state) kernels.layer_norm(norm, 0, size.rows);
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(2 * src.size() * size_of(kernels.dtype)));
}

std::string label(const NormKernels& kernels, const std::string& what, const Size& size) {
  return std::string(kernels.name) + "/" + what + "/" + std::to_string(size.rows) + "x" +
         std::to_string(size.channels);
}

void register_group(const NormKernels& kernels, const Size& size) {
  for (const PartName& part : kParts) {
    benchmark::RegisterBenchmark(label(kernels, part.name, size).c_str(), run_group_norm, kernels,
                                 size, 0, part.part);
  }
}

void register_all() {
  for (const NormKernels& kernels : usable_rows(norm_kernels())) {
    for (const Size& size : kSizes) {
      register_group(kernels, size);
      benchmark::RegisterBenchmark(label(kernels, "layer", size).c_str(), run_layer_norm, kernels,
                                   size);
    }
    register_group(kernels, kImage);
    const Size skip = {4096, 960};
    benchmark::RegisterBenchmark(label(kernels, "group_silu_2_sources", skip).c_str(),
                                 run_group_norm, kernels, skip, 320, Part::all);
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
