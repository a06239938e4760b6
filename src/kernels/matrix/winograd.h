#pragma once

#include "kernels/matrix/matrix.h"

namespace edgefusion::kernels {

/// Whether the method suits a kernel at all: all columns, and rows read where they lie. Matrix
/// units want them rewritten, and multiply faster than values can be transformed.
bool winograd_pays(const PanelKernel& panel);

/// 3x3 convolutions of stride 1 by Winograd's minimal filtering F(2x2, 3x3): 16 products where the
/// direct way takes 36.
/// Transformed values are rounded to bf16, which about doubles the rounding error of the result.
/// Source: Lavin and Gray 2016.
MatrixRow winograd_row(const PanelKernel& panel);

}  // namespace edgefusion::kernels
