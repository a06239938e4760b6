#pragma once

#include "kernels/matrix/matrix.h"

namespace edgefusion::kernels {

/// Whether the method suits a kernel at all: all columns, and rows read where they lie. Matrix
/// units want them rewritten, and multiply faster than values can be transformed.
bool winograd_pays(const PanelKernel& panel);

/// 3x3 convolutions of stride 1 by Winograd's minimal filtering, by the side of the patch (see
/// winograd_transform.h): 4 takes 16 products where the direct way takes 36, 6 takes 36 instead of
/// 144, 3 takes 9 instead of 36, of a picture that is enlarged by two on the way. Transformed
/// values are rounded to bf16: the error of a result is 2.3 times (patch 4) or 6.5 times (6) that
/// of rounding the weights alone. Source: Lavin and Gray 2016.
MatrixRow winograd_row(const PanelKernel& panel, int patch);

}  // namespace edgefusion::kernels
