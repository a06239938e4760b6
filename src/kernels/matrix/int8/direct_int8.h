#pragma once

#include "kernels/matrix/int8/int8_matrix.h"

namespace edgefusion::kernels {

/// Rows of method direct, which read the pixels of every tap in place. They take channel counts
/// that are multiples of the panel kernel's group.
Int8MatrixRow int8_direct_row(const PanelKernelOf<PanelProductU8>& panel);

}  // namespace edgefusion::kernels
