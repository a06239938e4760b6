// The list of panel kernels, and the choice among them.

#include <algorithm>
#include <vector>

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

const PanelKernel& select_panel_kernel(IsaSet isa) {
  const auto table = panel_kernels();
  return *std::ranges::find_if(table,
                               [&](const PanelKernel& k) { return isa.contains(k.needs); });
}

}  // namespace edgefusion::kernels
