// Speed of every quantize row on activations of BK-SDM-Tiny at 512 x 512: with given scales, with
// scales of rows, with a Hadamard matrix before them, and back to floats. bytes_per_second counts
// each input and output once.

#include <benchmark/benchmark.h>

#include "kernels/elementwise/kernel_test_data.h"
#include "kernels/quantize/quantize.h"

namespace edgefusion::kernels {
namespace {

struct Size {
  size_t rows, columns;
};

constexpr Size kSizes[] = {{4096, 320}, {1024, 640}, {256, 1280}, {4096, 1280}};

struct Way {
  const char* name;
  bool dynamic;
  int hadamard;
};

constexpr Way kWays[] = {{"quantize", false, 0},
                         {"quantize_hadamard64", false, 64},
                         {"quantize_rows", true, 0},
                         {"quantize_rows_hadamard64", true, 64}};

void set_processed(benchmark::State& state, size_t count, DType dtype) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(count * (1 + size_of(dtype))));
}

void run_quantize(benchmark::State& state, const QuantizeKernels& kernels, const Size& size,
                  const Way& way) {
  const Stored src(kernels.dtype, random_floats(size.rows * size.columns, 1));
  const std::vector<float> inverse_scale(size.columns, 30.0f);
  std::vector<uint8_t> dst(src.size());
  std::vector<float> row_scales(size.rows);
  const QuantizeRows args{.src = src.data(),
                          .dst = dst.data(),
                          .ld_src = size.columns,
                          .ld_dst = size.columns,
                          .columns = size.columns,
                          .inverse_scale = inverse_scale.data(),
                          .row_scales = way.dynamic ? row_scales.data() : nullptr,
                          .hadamard = way.hadamard};
  for (auto _ : state) kernels.quantize(args, 0, size.rows);
  set_processed(state, src.size(), kernels.dtype);
}

void run_dequantize(benchmark::State& state, const QuantizeKernels& kernels, const Size& size) {
  const std::vector<uint8_t> src(size.rows * size.columns, 200);
  const std::vector<float> scale(size.columns, 0.03f);
  Stored dst(kernels.dtype, src.size(), 0.0f);
  const DequantizeRows args{.src = src.data(),
                            .dst = dst.data(),
                            .ld_src = size.columns,
                            .ld_dst = size.columns,
                            .columns = size.columns,
                            .scale = scale.data()};
  for (auto _ : state) kernels.dequantize(args, 0, size.rows);
  set_processed(state, src.size(), kernels.dtype);
}

void register_all() {
  for (const QuantizeKernels& kernels : usable_rows(quantize_kernels())) {
    for (const Size& size : kSizes) {
      const auto label = [&](const char* what) {
        return std::string(kernels.name) + "/" + what + "/" + std::to_string(size.rows) + "x" +
               std::to_string(size.columns);
      };
      for (const Way& way : kWays) {
        benchmark::RegisterBenchmark(label(way.name).c_str(), run_quantize, kernels, size, way);
      }
      benchmark::RegisterBenchmark(label("dequantize").c_str(), run_dequantize, kernels, size);
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
