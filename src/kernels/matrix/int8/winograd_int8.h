#pragma once

#include "kernels/matrix/int8/int8_matrix.h"

namespace edgefusion::kernels {

/// 3x3 convolutions of stride 1 by F(2x2, 3x3) on exact products of 8 bits, by the side of the
/// patch (see winograd_int8_transform.h): 4 takes 16 products where the direct way takes 36, 3
/// takes 9, of a picture that is enlarged by two on the way; both give the same bits where both can
/// do a layer. F(4x4, 3x3) would take 9 products for each 36, but 8 bits do not hold its values.
///
/// Weights: U = G g G^T of the s8, then for each output and position
///   q = nearbyint(U * (127 / max |U|)), worth scales[o] * (max |U| / 127)
Int8MatrixRow int8_winograd_row(const PanelKernelOf<PanelProductU8>& panel, int patch);

}  // namespace edgefusion::kernels
