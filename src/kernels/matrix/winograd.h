#pragma once

#include "kernels/matrix/matrix.h"

namespace edgefusion::kernels {

/// Whether the method suits a kernel at all: all columns, and rows read where they lie. Matrix
/// units want them rewritten, and multiply faster than values can be transformed.
bool winograd_pays(const PanelKernel& panel);

/// 3x3 convolutions of stride 1 by Winograd's minimal filtering: F(2x2, 3x3) takes 16 products
/// where the direct way takes 36, F(4x4, 3x3) 36 instead of 144. Transformed values are rounded to
/// bf16: the error of a result is 2.3 times (2x2) or 6.5 times (4x4) that of rounding the weights
/// alone. outputs: 2 or 4. Source: Lavin and Gray 2016; points of the bigger tile as in
/// winograd_transform.h.
MatrixRow winograd_row(const PanelKernel& panel, int outputs);

}  // namespace edgefusion::kernels
