#pragma once

#include <span>
#include <string_view>

#include "core/cpu_features.h"
#include "kernels/matrix/panel_product.h"

namespace edgefusion::kernels {

/// How a panel is laid out: [depth / group][columns][group].
struct PanelGroups {
  int columns = kPanelColumns;
  int group = 2;

  int64_t at(int64_t k, int column) const {
    return k / group * group * columns + int64_t{column} * group + k % group;
  }
};

/// One way to do the job of panel_product.h.
template <typename Product>
struct PanelKernelOf {
  std::string_view name;  ///< "12x32_avx512_bf16"
  IsaSet needs;
  PanelGroups layout;
  int row_tile = 1;
  int64_t block_rows = 192;  ///< rows that share a panel while it is in cache; multiple of row_tile
  double cost = 0;           ///< cycles per 1000 products of a large problem
  void (*multiply)(const Product&) noexcept = nullptr;
  /// Rewrites the rows once for all panels (tiles of a matrix unit); null: they are read in place.
  void (*prepare)(const Product&, void* prepared) noexcept = nullptr;
  size_t (*prepared_bytes)(int64_t rows, int64_t depth) noexcept = nullptr;
  double prepare_cost = 0;  ///< cycles per 1000 values of the rows
};

using PanelKernel = PanelKernelOf<PanelProduct>;

/// Cheapest first, the scalar reference last.
std::span<const PanelKernel> panel_kernels();

}  // namespace edgefusion::kernels
