#pragma once

#include "kernels/matrix/matrix.h"

namespace edgefusion::kernels {

/// Rows that read the pixels of every tap in place.
MatrixRow direct_row(const PanelKernel& panel);

}  // namespace edgefusion::kernels
