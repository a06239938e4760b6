// Speed of every panel kernel for 8 bits on a block of rows and the panels of 320 outputs, rows
// rewritten where the kernel wants that. items_per_second is products per second.

#include <benchmark/benchmark.h>

#include "kernels/gemm/gemm_test_data.h"
#include "kernels/matrix/int8/panel_int8.h"

namespace edgefusion::kernels {
namespace {

constexpr int64_t kPanels = 10;

template <typename Product>
void run_block(benchmark::State& state, const PanelKernelOf<Product>& kernel, int64_t depth) {
  const int64_t rows = kernel.block_rows;
  AlignedBuffer values(static_cast<size_t>(rows * depth));
  const auto panel_bytes = static_cast<size_t>(depth * kPanelColumns);
  AlignedBuffer panels(kPanels * panel_bytes);
  AlignedBuffer sums(static_cast<size_t>(rows * kPanelColumns) * sizeof(int32_t));
  AlignedBuffer prepared(kernel.prepare == nullptr ? 0 : kernel.prepared_bytes(rows, depth));
  std::vector<const typename Product::Row*> table(static_cast<size_t>(rows));
  for (int64_t r = 0; r < rows; ++r) {
    table[static_cast<size_t>(r)] =
        static_cast<const typename Product::Row*>(values.data()) + r * depth;
  }
  const RowRun<typename Product::Row> segment = {table.data(), 0, depth};
  Product product;
  product.segments = &segment;
  product.segment_count = 1;
  product.rows = rows;
  product.sums = static_cast<int32_t*>(sums.data());
  for (auto _ : state) {
    if (kernel.prepare != nullptr) kernel.prepare(product, prepared.data());
    product.prepared = prepared.data();
    for (int64_t p = 0; p < kPanels; ++p) {
      product.panel = static_cast<const int8_t*>(panels.data()) + p * depth * kPanelColumns;
      kernel.multiply(product);
    }
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * rows * depth * kPanels * kPanelColumns);
}

template <typename Product>
void register_all(const std::string& types) {
  for (const auto& kernel : int8_panel_kernels<Product>()) {
    if (!test_isa().contains(kernel.needs)) continue;
    for (const int64_t depth : {320, 2880}) {
      const std::string name =
          "panel_" + types + "_" + std::string(kernel.name) + "/depth_" + std::to_string(depth);
      benchmark::RegisterBenchmark(name.c_str(), run_block<Product>, kernel, depth);
    }
  }
}

}  // namespace
}  // namespace edgefusion::kernels

int main(int argc, char** argv) {
  edgefusion::kernels::register_all<edgefusion::kernels::PanelProductU8>("u8s8");
  edgefusion::kernels::register_all<edgefusion::kernels::PanelProductS8>("s8s8");
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
