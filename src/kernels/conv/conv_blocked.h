#pragma once

#include "kernels/conv/conv.h"
#include "kernels/gemm/row_block.h"

namespace edgefusion::kernels {

/// Bytes that run_blocked_conv wants.
size_t blocked_conv_scratch_bytes(const ConvShape& shape, const Tile& tile);

/// The convolution as blocks of output pixels against panels; `block` is the ISA's function.
void run_blocked_conv(const ConvArgs& args, const GemmRange& range, void* scratch,
                      const BlockIsa& isa, DType weights);

}  // namespace edgefusion::kernels
