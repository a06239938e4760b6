// Speed of every attention row on the shapes of BK-SDM-Tiny at 512 x 512, of CLIP's text encoder
// and of the SD decoder. One iteration is all heads; items_per_second is products (multiply-adds)
// of both matrix products per second.

#include <benchmark/benchmark.h>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_test_data.h"
#include "kernels/elementwise/kernel_test_data.h"

namespace edgefusion::kernels {
namespace {

struct Size {
  size_t heads, queries, keys, head_size;
  bool causal;
};

constexpr Size kSizes[] = {
    {8, 4096, 4096, 40, false}, {8, 1024, 1024, 80, false},  {8, 256, 256, 160, false},
    {8, 4096, 77, 40, false},   {8, 1024, 77, 80, false},    {8, 256, 77, 160, false},
    {12, 77, 77, 64, true},     {1, 4096, 4096, 512, false},
};

void run_attention(benchmark::State& state, const AttentionKernel& kernel, const Size& size) {
  const size_t width = size.heads * size.head_size;
  const Elements q(kernel.dtype, random_floats(size.queries * width, 1));
  const Elements k(kernel.dtype, random_floats(size.keys * width, 2));
  const Elements v(kernel.dtype, random_floats(size.keys * width, 3));
  Elements out(kernel.dtype, std::vector<float>(size.queries * width));
  std::vector<float> scratch(kernel.scratch_floats(size.head_size, size.head_size));
  Attention attention;
  attention.ldq = attention.ldk = attention.ldv = attention.ldo = width;
  attention.keys = size.keys;
  attention.head_size = attention.value_size = size.head_size;
  attention.scale = 1.0f / std::sqrt(static_cast<float>(size.head_size));
  attention.causal = size.causal;
  for (auto _ : state) {
    for (size_t column = 0; column < width; column += size.head_size) {
      attention.q = q.at(column);
      attention.k = k.at(column);
      attention.v = v.at(column);
      attention.out = out.at(column);
      kernel.run(attention, 0, size.queries, scratch.data());
    }
  }
  const size_t pairs = size.causal ? size.queries * (size.queries + 1) / 2  //
                                   : size.queries * size.keys;
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(2 * pairs * width));
}

void register_all() {
  for (const AttentionKernel& kernel : usable_rows(attention_kernels())) {
    if (kernel.needs.empty()) continue;  // the reference would take minutes
    for (const Size& size : kSizes) {
      const std::string name = std::string(kernel.name) + "/h" + std::to_string(size.heads) + "_q" +
                               std::to_string(size.queries) + "_k" + std::to_string(size.keys) +
                               "_d" + std::to_string(size.head_size);
      benchmark::RegisterBenchmark(name.c_str(), run_attention, kernel, size)
          ->Unit(benchmark::kMillisecond);
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
