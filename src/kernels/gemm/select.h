#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "kernels/gemm/gemm.h"

// What the gemm and conv tables share: order, choice, listing. Rows have name, needs, types, cost.

namespace edgefusion::kernels {

template <class Row>
void sort_by_cost(std::vector<Row>& rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.cost < b.cost; });
}

/// The first row of a table sorted by cost that takes these types and that `isa` can run.
template <class Row>
const Row& select_row(std::span<const Row> table, IsaSet isa, const GemmTypes& types) {
  const auto row = std::find_if(table.begin(), table.end(), [&](const Row& candidate) {
    return candidate.types == types && isa.contains(candidate.needs);
  });
  EF_CHECK(row != table.end(), "no kernel takes these weights");
  return *row;
}

template <class Row>
void append_typed_kernels(std::string_view family, std::span<const Row> table, IsaSet isa,
                          std::vector<KernelInfo>& out) {
  for (const DType weights : kWeightTypes) {
    std::vector<Row> rows;
    std::copy_if(table.begin(), table.end(), std::back_inserter(rows),
                 [&](const Row& row) { return row.types.weights == weights; });
    const std::string variant = "f32 x " + std::string(to_string(weights)) + " -> f32";
    append_kernels<Row>(family, variant, rows, isa, out);
  }
}

}  // namespace edgefusion::kernels
