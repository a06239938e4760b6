// Speed of every element-wise row: activations on data that fits the L1 cache and on a U-Net
// activation, the gate of the transformer blocks, and conversions from and to f32.
// items_per_second is outputs, bytes_per_second what must move at least.

#include <benchmark/benchmark.h>

#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/kernel_test_data.h"

namespace edgefusion::kernels {
namespace {

constexpr size_t kCounts[] = {4096, size_t{4096} * 320};

/// Every iteration wrote `count` outputs, each for `moved` elements of `dtype` read or written.
void set_processed(benchmark::State& state, size_t count, size_t moved, DType dtype) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(count));
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(count * moved * size_of(dtype)));
}

void run_activation(benchmark::State& state, const ElementwiseKernels& kernels, Activation kind,
                    size_t count) {
  const Stored src(kernels.dtype, random_floats(count, 1));
  Stored dst(kernels.dtype, count, 0.0f);
  for (auto _ : state) kernels.activation(kind)(src.data(), dst.data(), count);
  set_processed(state, count, 2, kernels.dtype);
}

void run_add(benchmark::State& state, const ElementwiseKernels& kernels, size_t count) {
  const Stored a(kernels.dtype, random_floats(count, 1));
  const Stored b(kernels.dtype, random_floats(count, 2));
  Stored dst(kernels.dtype, count, 0.0f);
  for (auto _ : state) kernels.add(a.data(), b.data(), dst.data(), count);
  set_processed(state, count, 3, kernels.dtype);
}

void run_geglu(benchmark::State& state, const ElementwiseKernels& kernels) {
  constexpr size_t kRows = 4096;
  constexpr size_t kColumns = 1280;
  const Stored src(kernels.dtype, random_floats(kRows * 2 * kColumns, 1));
  Stored dst(kernels.dtype, kRows * kColumns, 0.0f);
  const Geglu args{src.data(), dst.data(), 2 * kColumns, kColumns, kColumns};
  for (auto _ : state) kernels.geglu(args, 0, kRows);
  set_processed(state, dst.size(), 3, kernels.dtype);
}

void run_from_f32(benchmark::State& state, const ElementwiseKernels& kernels, size_t count) {
  const std::vector<float> src = random_floats(count, 1);
  Stored dst(kernels.dtype, count, 0.0f);
  for (auto _ : state) kernels.from_f32(src.data(), dst.data(), count);
  set_processed(state, count, 1 + sizeof(float) / size_of(kernels.dtype), kernels.dtype);
}

void run_to_f32(benchmark::State& state, const ElementwiseKernels& kernels, size_t count) {
  const Stored src(kernels.dtype, random_floats(count, 1));
  std::vector<float> dst(count);
  for (auto _ : state) kernels.to_f32(src.data(), dst.data(), count);
  set_processed(state, count, 1 + sizeof(float) / size_of(kernels.dtype), kernels.dtype);
}

void register_all() {
  for (const ElementwiseKernels& kernels : usable_rows(elementwise_kernels())) {
    const std::string name = kernels.name;
    for (const size_t count : kCounts) {
      for (const ActivationName& entry : kActivations) {
        const std::string label =
            name + "/" + std::string(entry.name) + "/" + std::to_string(count);
        benchmark::RegisterBenchmark(label.c_str(), run_activation, kernels, entry.activation,
                                     count);
      }
      const auto add = [&](const char* what, auto run) {
        const std::string label = name + "/" + what + "/" + std::to_string(count);
        benchmark::RegisterBenchmark(label.c_str(), run, kernels, count);
      };
      add("add", run_add);
      add("from_f32", run_from_f32);
      add("to_f32", run_to_f32);
    }
    benchmark::RegisterBenchmark((name + "/geglu/4096x1280").c_str(), run_geglu, kernels);
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
