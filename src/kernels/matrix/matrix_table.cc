// The list of matrix kernels: every method with every panel kernel; and the choice among them.

#include <algorithm>

#include "kernels/matrix/direct.h"
#include "kernels/matrix/expanded/expanded_matrix.h"
#include "kernels/matrix/matrix.h"
#include "kernels/matrix/pack.h"
#include "kernels/matrix/winograd.h"

namespace edgefusion::kernels {
namespace {

std::vector<MatrixRow> make_table() {
  std::vector<MatrixRow> rows;
  for (const PanelKernel& panel : panel_kernels()) {
    if (winograd_pays(panel)) {
      for (const int patch : {3, 6, 4}) rows.push_back(winograd_row(panel, patch));
    }
    rows.push_back(direct_row(panel));
  }
  return rows;
}

}  // namespace

int64_t MatrixRow::panels(int64_t outputs) const {
  return PanelColumns(outputs, false, panel->layout.columns).panels();
}

bool matrix_takes(const ConvShape& shape) {
  return shape.channels % 2 == 0 && shape.channels2 % 2 == 0;
}

std::span<const MatrixRow> matrix_table() {
  static const std::vector<MatrixRow> rows = make_table();
  return rows;
}

const MatrixRow& select_matrix(IsaSet isa, const ConvShape& shape) {
  return cheapest_row(matrix_table(), isa, shape);
}

const MatrixRow& cheapest_row(std::span<const MatrixRow> table, IsaSet isa,
                              const ConvShape& shape) {
  const MatrixRow* best = nullptr;
  double lowest = 0;
  for (const MatrixRow& row : table) {
    if (!isa.contains(row.needs) || !row.takes(row, shape)) continue;
    const double cost = row.cost(row, shape);
    if (best == nullptr || cost < lowest) {
      best = &row;
      lowest = cost;
    }
  }
  return *best;
}

void list_matrix_kernels(IsaSet isa, std::vector<KernelInfo>& out) {
  for (const char* method : {"direct", "winograd"}) {
    std::vector<MatrixRow> rows;
    std::ranges::copy_if(matrix_table(), std::back_inserter(rows), [&](const MatrixRow& row) {
      return row.name.find(method) != std::string::npos;
    });
    append_kernels<MatrixRow>("matrix", std::string("bf16, ") + method, rows, isa, out);
  }
  append_kernels<MatrixRow>("matrix", "bf16, weights of 4 to 8 bits, direct",
                            expanded_matrix_table(), isa, out);
}

}  // namespace edgefusion::kernels
