// The list of panel kernels for 8 bits. Cycles of cost are those of the widest CPU that stops at
// these instructions.

#include <string>

#include "kernels/matrix/int8/panel_int8.h"
#include "kernels/matrix/int8/panel_int8_rows.h"

namespace edgefusion::kernels {
namespace {

constexpr PanelGroups kGroupsOf2 = {.columns = kPanelColumns, .group = 2};
constexpr PanelGroups kGroupsOf4 = {.columns = kPanelColumns, .group = 4};
[[maybe_unused]] constexpr PanelGroups kGroupsOf8 = {.columns = kPanelColumns, .group = 8};

#if defined(__x86_64__)
template <typename Product>
void add_rows_of_architecture(std::vector<PanelKernelOf<Product>>& table) {
  table.push_back({.name = "32x32_amx_int8",
                   .needs = IsaSet(Isa::avx512) | Isa::amx_int8,
                   .layout = kGroupsOf4,
                   .row_tile = 32,
                   .block_rows = 256,
                   .cost = 1,
                   .multiply = multiply_int8_amx,
                   .prepare = prepare_int8_amx,
                   .prepared_bytes = prepared_bytes_int8_amx,
                   .prepare_cost = 50});
  table.push_back({.name = "12x32_avx512_vnni",
                   .needs = IsaSet(Isa::avx512) | Isa::avx512_vnni,
                   .layout = kGroupsOf4,
                   .row_tile = 12,
                   .block_rows = 192,
                   .cost = 8,
                   .multiply = multiply_int8_avx512_vnni});
  table.push_back({.name = "6x16_avx2",
                   .needs = Isa::avx2,
                   .layout = kGroupsOf2,
                   .row_tile = 6,
                   .block_rows = 192,
                   .cost = 45,
                   .multiply = multiply_int8_avx2,
                   .prepare = prepare_int8_avx2,
                   .prepared_bytes = prepared_bytes_int8_avx2,
                   .prepare_cost = 100});
}
#elif defined(__aarch64__)
template <typename Product>
void add_rows_of_architecture(std::vector<PanelKernelOf<Product>>& table) {
  table.push_back({.name = "8x8_neon_i8mm",
                   .needs = IsaSet(Isa::neon) | Isa::neon_i8mm,
                   .layout = kGroupsOf8,
                   .row_tile = 8,
                   .block_rows = 192,
                   .cost = 18,
                   .multiply = multiply_int8_neon_i8mm});
  table.push_back({.name = "8x8_neon_dot",
                   .needs = IsaSet(Isa::neon) | Isa::neon_dot,
                   .layout = kGroupsOf4,
                   .row_tile = 8,
                   .block_rows = 192,
                   .cost = 35,
                   .multiply = multiply_int8_neon_dot});
  table.push_back({.name = "8x8_neon",
                   .needs = Isa::neon,
                   .layout = kGroupsOf2,
                   .row_tile = 8,
                   .block_rows = 192,
                   .cost = 150,
                   .multiply = multiply_int8_neon,
                   .prepare = prepare_int8_neon,
                   .prepared_bytes = prepared_bytes_int8_neon,
                   .prepare_cost = 200});
}
#else
template <typename Product>
void add_rows_of_architecture(std::vector<PanelKernelOf<Product>>&) {}
#endif

template <typename Product>
std::vector<PanelKernelOf<Product>> make_table() {
  std::vector<PanelKernelOf<Product>> table;
  add_rows_of_architecture(table);
  table.push_back({.name = "scalar",
                   .needs = IsaSet(),
                   .layout = kGroupsOf4,
                   .row_tile = 1,
                   .block_rows = 192,
                   .cost = 2500,
                   .multiply = multiply_int8_scalar});
  return table;
}

template <typename Product>
void list_rows(const std::string& types, IsaSet isa, std::vector<KernelInfo>& out) {
  struct Row {
    std::string name;
    IsaSet needs;
  };
  std::vector<Row> rows;
  for (const auto& kernel : int8_panel_kernels<Product>()) {
    rows.push_back({"panel_" + types + "_" + std::string(kernel.name), kernel.needs});
  }
  append_kernels<Row>("panel", types + " -> s32", rows, isa, out);
}

}  // namespace

template <>
std::span<const PanelKernelOf<PanelProductU8>> int8_panel_kernels<PanelProductU8>() {
  static const auto table = make_table<PanelProductU8>();
  return table;
}

template <>
std::span<const PanelKernelOf<PanelProductS8>> int8_panel_kernels<PanelProductS8>() {
  static const auto table = make_table<PanelProductS8>();
  return table;
}

void list_int8_panel_kernels(IsaSet isa, std::vector<KernelInfo>& out) {
  list_rows<PanelProductU8>("u8s8", isa, out);
  list_rows<PanelProductS8>("s8s8", isa, out);
}

}  // namespace edgefusion::kernels
