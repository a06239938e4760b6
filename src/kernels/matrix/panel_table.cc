// The list of panel kernels.

#include <algorithm>
#include <vector>

#include "kernels/matrix/panel_highway.h"
#include "kernels/matrix/panel_kernel.h"
#include "kernels/matrix/panel_rows.h"

namespace edgefusion::kernels {
namespace {

/// What a panel kernel of expanded values costs and works on, in the order of kHighwayTargets.
struct ExpandedRow {
  std::string_view name;
  int row_tile;
  double cost;
};
constexpr ExpandedRow kExpandedRows[] = {
    {"8x32_avx512", 8, 35}, {"4x16_avx2", 4, 70}, {"4x8_sse4", 4, 300}, {"8x8_neon", 8, 150}};

std::vector<PanelKernel> make_table() {
  std::vector<PanelKernel> table;
#if defined(__x86_64__)
  // A few outputs: 32 products of each in a vector, joined at the end.
  table.push_back({.name = "4x4_avx512_bf16",
                   .needs = IsaSet(Isa::avx512) | Isa::avx512_bf16,
                   .layout = {.columns = kFewColumns, .group = 32},
                   .row_tile = 4,
                   .block_rows = 192,
                   .cost = 20,
                   .multiply = multiply_panel_4x4_avx512_bf16});
  table.push_back({.name = "12x32_avx512_bf16",
                   .needs = IsaSet(Isa::avx512) | Isa::avx512_bf16,
                   .row_tile = 12,
                   .block_rows = 192,
                   .cost = 16,
                   .multiply = multiply_panel_12x32_avx512_bf16});
  // 512 products a cycle; rows are read and written once by 64 bytes, from L2 at best.
  table.push_back({.name = "32x32_amx_bf16",
                   .needs = IsaSet(Isa::avx512) | Isa::amx_bf16,
                   .row_tile = 32,
                   .block_rows = 256,
                   .cost = 2,
                   .multiply = multiply_panel_32x32_amx_bf16,
                   .prepare = prepare_rows_amx_bf16,
                   .prepared_bytes = prepared_bytes_amx_bf16,
                   .prepare_cost = 100});
#elif defined(__aarch64__)
  table.push_back({.name = "8x8_neon_bf16",
                   .needs = IsaSet(Isa::neon) | Isa::neon_bf16,
                   .layout = {.columns = kPanelColumns, .group = 4},
                   .row_tile = 8,
                   .block_rows = 192,
                   .cost = 40,
                   .multiply = multiply_panel_8x8_neon_bf16});
#endif
  const HighwayVariants<PanelFunction> variants = multiply_panel_variants();
  for (size_t i = 0; i < std::size(kExpandedRows); ++i) {
    const auto& target = kHighwayTargets<PanelFunction>[i];
    if (variants.*target.variant == nullptr) continue;
    table.push_back({.name = kExpandedRows[i].name,
                     .needs = target.needs,
                     .row_tile = kExpandedRows[i].row_tile,
                     .block_rows = 192,
                     .cost = kExpandedRows[i].cost,
                     .multiply = variants.*target.variant});
  }
  table.push_back({.name = "scalar",
                   .needs = IsaSet(),
                   .row_tile = 1,
                   .block_rows = 192,
                   .cost = 2000,
                   .multiply = multiply_panel_scalar});
  std::ranges::stable_sort(table, {}, &PanelKernel::cost);
  return table;
}

}  // namespace

std::span<const PanelKernel> panel_kernels() {
  static const std::vector<PanelKernel> table = make_table();
  return table;
}

}  // namespace edgefusion::kernels
