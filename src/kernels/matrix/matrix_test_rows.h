#pragma once

#include <algorithm>
#include <vector>

#include "kernels/amx/amx_emulated.h"
#include "kernels/gemm/gemm_test_data.h"
#include "kernels/matrix/amx_panel-inl.h"
#include "kernels/matrix/direct.h"
#include "kernels/matrix/matrix.h"

namespace edgefusion::kernels {

/// The kernel for AMX over tiles in plain C++, in all else the row of the table.
inline const PanelKernel& emulated_amx_kernel() {
  static const PanelKernel kernel = [] {
    using Emulated = AmxPanel<EmulatedTiles, PanelProduct>;
    PanelKernel row = {.name = "32x32_amx_bf16_emulated", .row_tile = 32, .block_rows = 256};
    row.multiply = Emulated::multiply;
    row.prepare = Emulated::prepare;
    row.prepared_bytes = Emulated::prepared_bytes;
    return row;
  }();
  return kernel;
}

/// Every row that the tests can run here: those of the table for this CPU, and emulated AMX, which
/// is slow and the same under every cap: once is enough.
inline std::vector<const MatrixRow*> rows_for(const ConvShape& shape) {
  static const MatrixRow emulated = direct_row(emulated_amx_kernel());
  static const bool wanted = read_environment().isa.value_or("scalar") == "scalar";
  std::vector<const MatrixRow*> rows;
  if (wanted) rows.push_back(&emulated);
  for (const MatrixRow& row : matrix_table()) {
    if (test_isa().contains(row.needs) && row.takes(row, shape)) rows.push_back(&row);
  }
  return rows;
}

}  // namespace edgefusion::kernels
