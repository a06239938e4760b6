#pragma once

#include <algorithm>
#include <vector>

#include "kernels/amx/amx_emulated.h"
#include "kernels/gemm/gemm_test_data.h"
#include "kernels/matrix/amx_panel-inl.h"
#include "kernels/matrix/int8/direct_int8.h"
#include "kernels/matrix/int8/int8_matrix.h"
#include "kernels/matrix/int8/winograd_int8.h"

namespace edgefusion::kernels {

/// The kernel for AMX over tiles in plain C++, in all else the row of the table.
inline const PanelKernelOf<PanelProductU8>& emulated_amx_int8_kernel() {
  static const PanelKernelOf<PanelProductU8> kernel = [] {
    using Emulated = AmxPanel<EmulatedTiles, PanelProductU8>;
    PanelKernelOf<PanelProductU8> row = {.name = "32x32_amx_int8_emulated",
                                         .layout = {kPanelColumns, 4},
                                         .row_tile = 32,
                                         .block_rows = 256};
    row.multiply = Emulated::multiply;
    row.prepare = Emulated::prepare;
    row.prepared_bytes = Emulated::prepared_bytes;
    return row;
  }();
  return kernel;
}

/// Every row of a method that the tests can run here: those of the table for this CPU, and emulated
/// AMX, which is slow and the same under every cap: once is enough.
inline std::vector<const Int8MatrixRow*> int8_rows_for(const ConvShape& shape, Int8Method method) {
  static const std::vector<Int8MatrixRow> emulated = {
      int8_direct_row(emulated_amx_int8_kernel()), int8_winograd_row(emulated_amx_int8_kernel(), 3),
      int8_winograd_row(emulated_amx_int8_kernel(), 4)};
  static const bool wanted = read_environment().isa.value_or("scalar") == "scalar";
  std::vector<const Int8MatrixRow*> rows;
  const auto add = [&](const Int8MatrixRow& row) {
    if (row.method == method && row.takes(row, shape)) rows.push_back(&row);
  };
  if (wanted) std::ranges::for_each(emulated, add);
  for (const Int8MatrixRow& row : int8_matrix_table()) {
    if (test_isa().contains(row.needs)) add(row);
  }
  return rows;
}

}  // namespace edgefusion::kernels
