#pragma once

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/result.h"
#include "kernels/registry.h"

// What the tables of families that know activations by their dtype share. Rows have name, dtype and
// needs; rows of one dtype stand together, best first, the scalar reference last.

namespace edgefusion::kernels {

/// What activations may be stored as.
inline constexpr DType kActivationTypes[] = {DType::f32, DType::bf16};

/// The first row of this dtype that `isa` can run.
template <class Row>
const Row& select_by_dtype(std::span<const Row> table, IsaSet isa, DType dtype) {
  const auto row = std::find_if(table.begin(), table.end(), [&](const Row& candidate) {
    return candidate.dtype == dtype && isa.contains(candidate.needs);
  });
  EF_CHECK(row != table.end(), "activations are f32 or bf16");
  return *row;
}

template <class Row>
void append_by_dtype(std::string_view family, std::span<const Row> table, IsaSet isa,
                     std::vector<KernelInfo>& out) {
  for (const DType dtype : kActivationTypes) {
    std::vector<Row> rows;
    std::copy_if(table.begin(), table.end(), std::back_inserter(rows),
                 [&](const Row& row) { return row.dtype == dtype; });
    append_kernels<Row>(family, to_string(dtype), rows, isa, out);
  }
}

}  // namespace edgefusion::kernels
