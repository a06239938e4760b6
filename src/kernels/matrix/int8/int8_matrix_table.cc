// The list of quantised matrix kernels: every method with every panel kernel for u8; and the choice
// among them.

#include <algorithm>

#include "kernels/matrix/int8/direct_int8.h"
#include "kernels/matrix/int8/int8_matrix.h"
#include "kernels/matrix/int8/panel_int8.h"
#include "kernels/matrix/int8/winograd_int8.h"
#include "kernels/matrix/pack.h"

namespace edgefusion::kernels {
namespace {

/// Cheapest first, as the panel kernels are.
std::vector<Int8MatrixRow> make_table() {
  std::vector<Int8MatrixRow> rows;
  for (const auto& panel : int8_panel_kernels<PanelProductU8>()) {
    rows.push_back(int8_direct_row(panel));
    for (const int patch : {3, 4}) rows.push_back(int8_winograd_row(panel, patch));
  }
  return rows;
}

}  // namespace

int64_t Int8MatrixRow::panels(int64_t outputs) const {
  return PanelColumns(outputs, false, panel->layout.columns).panels();
}

bool int8_matrix_takes(const ConvShape& shape, Int8Method method) {
  const bool whole_groups = shape.channels % 4 == 0 && shape.channels2 % 4 == 0;
  const bool is_3x3 = shape.kernel_height == 3 && shape.kernel_width == 3 && shape.stride == 1;
  return whole_groups && (method == Int8Method::direct || is_3x3);
}

std::span<const Int8MatrixRow> int8_matrix_table() {
  static const std::vector<Int8MatrixRow> rows = make_table();
  return rows;
}

const Int8MatrixRow& select_int8_matrix(IsaSet isa, const ConvShape& shape, Int8Method method) {
  const Int8MatrixRow* best = nullptr;
  double lowest = 0;
  for (const Int8MatrixRow& row : int8_matrix_table()) {
    const bool fits = row.method == method && isa.contains(row.needs) && row.takes(row, shape);
    if (!fits) continue;
    const double cost = row.cost(row, shape);
    if (best == nullptr || cost < lowest) {
      best = &row;
      lowest = cost;
    }
  }
  return *best;
}

void list_int8_matrix_kernels(IsaSet isa, std::vector<KernelInfo>& out) {
  struct Variant {
    Int8Method method;
    const char* name;
  };
  for (const Variant& variant : {Variant{Int8Method::direct, "int8, direct"},
                                 Variant{Int8Method::winograd, "int8, winograd"}}) {
    std::vector<Int8MatrixRow> rows;
    std::ranges::copy_if(int8_matrix_table(), std::back_inserter(rows),
                         [&](const Int8MatrixRow& row) { return row.method == variant.method; });
    append_kernels<Int8MatrixRow>("matrix", variant.name, rows, isa, out);
  }
}

}  // namespace edgefusion::kernels
