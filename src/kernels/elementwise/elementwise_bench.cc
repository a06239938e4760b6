// Speed of every element-wise row: activations on data that fits the L1 cache (16 KiB) and on a
// U-Net activation (5 MB), and the gate of the transformer blocks. items_per_second is outputs.

#include <benchmark/benchmark.h>

#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/kernel_test_data.h"

namespace edgefusion::kernels {
namespace {

constexpr size_t kCounts[] = {4096, size_t{4096} * 320};

void run_activation(benchmark::State& state, ElementwiseKernels::Unary function, size_t count) {
  const std::vector<float> src = random_floats(count, 1);
  std::vector<float> dst(count);
  for (auto _ : state) function(src.data(), dst.data(), count);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(count));
}

void run_add(benchmark::State& state, const ElementwiseKernels& kernels, size_t count) {
  const std::vector<float> a = random_floats(count, 1);
  const std::vector<float> b = random_floats(count, 2);
  std::vector<float> dst(count);
  for (auto _ : state) kernels.add(a.data(), b.data(), dst.data(), count);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(count));
}

void run_geglu(benchmark::State& state, const ElementwiseKernels& kernels) {
  constexpr size_t kRows = 4096;
  constexpr size_t kColumns = 1280;
  const std::vector<float> src = random_floats(kRows * 2 * kColumns, 1);
  std::vector<float> dst(kRows * kColumns);
  const Geglu args{src.data(), dst.data(), 2 * kColumns, kColumns, kColumns};
  for (auto _ : state) kernels.geglu(args, 0, kRows);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(dst.size()));
}

void run_to_u8(benchmark::State& state, const ElementwiseKernels& kernels) {
  const std::vector<float> src = random_floats(size_t{512} * 512 * 3, 1);
  std::vector<uint8_t> dst(src.size());
  for (auto _ : state) kernels.to_u8(src.data(), 0.5f, 0.5f, dst.data(), dst.size());
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(dst.size()));
}

void register_all() {
  for (const ElementwiseKernels& kernels : usable_rows(elementwise_kernels())) {
    const std::string name = kernels.name;
    for (const size_t count : kCounts) {
      for (const ActivationName& entry : kActivations) {
        const std::string label =
            name + "/" + std::string(entry.name) + "/" + std::to_string(count);
        benchmark::RegisterBenchmark(label.c_str(), run_activation,
                                     kernels.activation(entry.activation), count);
      }
      benchmark::RegisterBenchmark((name + "/add/" + std::to_string(count)).c_str(), run_add,
                                   kernels, count);
    }
    benchmark::RegisterBenchmark((name + "/geglu/4096x1280").c_str(), run_geglu, kernels);
    benchmark::RegisterBenchmark((name + "/to_u8/512x512").c_str(), run_to_u8, kernels);
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
