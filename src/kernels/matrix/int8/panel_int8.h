#pragma once

#include <span>
#include <vector>

#include "kernels/matrix/panel_kernel.h"
#include "kernels/registry.h"

// The innermost job of quantised layers: panel_product.h with rows of u8 (PanelProductU8) or of s8
// (PanelProductS8), weights of s8 and exact sums in s32. Which of the two a layer has is the choice
// of who quantises: both cost the same but for one pass over the panel where an instruction set
// knows only the other one.

namespace edgefusion::kernels {

/// Cheapest first, the scalar reference last.
template <typename Product>
std::span<const PanelKernelOf<Product>> int8_panel_kernels();

template <>
std::span<const PanelKernelOf<PanelProductU8>> int8_panel_kernels<PanelProductU8>();
template <>
std::span<const PanelKernelOf<PanelProductS8>> int8_panel_kernels<PanelProductS8>();

void list_int8_panel_kernels(IsaSet isa, std::vector<KernelInfo>& out);

}  // namespace edgefusion::kernels
