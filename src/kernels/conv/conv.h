#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/gemm/gemm.h"

// The contract of the conv family: 2-D convolution, channels last, as an implicit matrix product.
//
//   dst[n,y,x,o] = epilogue(bias[o] + sum_{tap,i} in[n, y*stride - pad_top + ky, x*stride -
//   pad_left
//                                                    + kx, i] * weights[o,i,ky,kx])
//   N,H,W = batch, height, width    tap = ky * kernel_width + kx    zeros outside of `in`
//
// `in` is src, or src enlarged by two (nearest) when upsample2x is set, or the channels of src
// followed by those of src2: neither the enlarged nor the joined picture ever exists, and there is
// no im2col buffer. Sums are ordered as gemm.h says, k = tap * inputs + i; results do not depend on
// the split.

namespace edgefusion::kernels {

struct ConvShape {
  int64_t batch = 1;
  int64_t height = 0, width = 0;  ///< of src, before any enlarging
  int64_t channels = 0;           ///< of src
  int64_t channels2 = 0;          ///< of src2; 0: there is none
  int64_t outputs = 0;
  int64_t kernel_height = 1, kernel_width = 1;
  int64_t stride = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  bool upsample2x = false;

  int64_t inputs() const { return channels + channels2; }
  int64_t taps() const { return kernel_height * kernel_width; }
  int64_t in_height() const { return upsample2x ? 2 * height : height; }
  int64_t in_width() const { return upsample2x ? 2 * width : width; }
  int64_t out_height() const {
    return (in_height() + pad_top + pad_bottom - kernel_height) / stride + 1;
  }
  int64_t out_width() const {
    return (in_width() + pad_left + pad_right - kernel_width) / stride + 1;
  }
  int64_t pixels() const { return batch * out_height() * out_width(); }  ///< rows of dst
};

/// One convolution, of which a call computes a rectangle. `dst` overlaps no input.
struct ConvArgs {
  ConvShape shape;
  const float* src = nullptr;   ///< [N,H,W,channels]
  int64_t src_stride = 0;       ///< elements from one pixel to the next
  const float* src2 = nullptr;  ///< [N,H,W,channels2]
  int64_t src2_stride = 0;
  const void* packed_weights = nullptr;
  float* dst = nullptr;  ///< [N,OH,OW,outputs]
  int64_t dst_stride = 0;
  Epilogue epilogue;  ///< rows of the residual are pixels of dst
};

/// Rows of the range are output pixels, counted over N, OH, OW.
using ConvFunction = void (*)(const ConvArgs&, const GemmRange&, void* scratch) noexcept;

struct ConvRow {
  std::string name;
  IsaSet needs;
  GemmTypes types;
  Tile tile;
  double cost = 0;
  ConvFunction run = nullptr;
  size_t (*scratch_bytes)(const ConvShape&) noexcept = nullptr;

  PanelLayout layout() const { return {tile.columns}; }
};

/// All rows of this build, cheapest first; the scalar references are the last ones.
std::span<const ConvRow> conv_table();

/// The cheapest row for these types whose features are all in `isa`.
const ConvRow& select_conv(IsaSet isa, const GemmTypes& types);

void list_conv_kernels(IsaSet isa, std::vector<KernelInfo>& out);

}  // namespace edgefusion::kernels
