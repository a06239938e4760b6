// Speed of every gemm row on the shapes of BK-SDM-Tiny at 512 x 512 and of CLIP's text encoder.
// items_per_second is products (multiply-adds) per second.

#include <benchmark/benchmark.h>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_test_data.h"

namespace edgefusion::kernels {
namespace {

struct Size {
  int64_t m, n, k;
};

constexpr Size kSizes[] = {
    {4096, 320, 320},  {4096, 2560, 320}, {4096, 320, 1280},  {1024, 640, 640},  {1024, 5120, 640},
    {1024, 640, 2560}, {256, 1280, 1280}, {256, 10240, 1280}, {256, 1280, 5120}, {77, 768, 768},
    {77, 3072, 768},   {77, 768, 3072},   {77, 640, 768},     {1, 1280, 1280},
};

void run_gemm(benchmark::State& state, const GemmRow& row, const Size& size) {
  const std::vector<float> src = random_values(static_cast<size_t>(size.m * size.k), 1);
  const StoredWeights weights(row.types.weights, size.n, size.k, 1, 2);
  AlignedBuffer packed = pack_for(row.layout(), weights.view);
  AlignedBuffer dst(static_cast<size_t>(size.m * size.n) * sizeof(float));
  GemmArgs args;
  args.src = src.data();
  args.src_stride = args.depth = size.k;
  args.packed_weights = packed.data();
  args.dst = static_cast<float*>(dst.data());
  args.dst_stride = args.outputs = size.n;
  AlignedBuffer scratch(row.scratch_bytes(args));
  const GemmRange range{0, size.m, 0, row.layout().panels(size.n)};
  for (auto _ : state) row.run(args, range, scratch.data());
  state.SetItemsProcessed(state.iterations() * size.m * size.n * size.k);
}

void register_all() {
  for (const GemmRow& row : gemm_table()) {
    if (!test_isa().contains(row.needs)) continue;
    for (const Size& size : kSizes) {
      const std::string name = row.name + "/m" + std::to_string(size.m) + "_n" +
                               std::to_string(size.n) + "_k" + std::to_string(size.k);
      benchmark::RegisterBenchmark(name.c_str(), run_gemm, row, size);
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
