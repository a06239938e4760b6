#include "kernels/conv/conv_blocked.h"

#include <algorithm>
#include <cstring>

namespace edgefusion::kernels {
namespace {

/// Finds where each tap of each output pixel reads: in src, in src2, or in a row of zeros.
struct PixelFinder {
  const ConvArgs& args;
  const float* zeros;
  int64_t block_rows;

  void find(int64_t pixel, int64_t count, const float** tables) const {
    const ConvShape& s = args.shape;
    const int64_t width = s.out_width(), height = s.out_height();
    int64_t x = pixel % width, y = pixel / width % height, n = pixel / (width * height);
    for (int64_t r = 0; r < count; ++r) {
      find_taps(n, y * s.stride - s.pad_top, x * s.stride - s.pad_left, tables + r);
      if (++x < width) continue;
      x = 0;
      if (++y < height) continue;
      y = 0;
      ++n;
    }
  }

 private:
  void find_taps(int64_t n, int64_t top, int64_t left, const float** table) const {
    const ConvShape& s = args.shape;
    const int shift = s.upsample2x ? 1 : 0;
    const int64_t second = s.taps() * block_rows;
    for (int64_t ky = 0; ky < s.kernel_height; ++ky) {
      const bool row_inside = top + ky >= 0 && top + ky < s.in_height();
      const int64_t row = (n * s.height + ((top + ky) >> shift)) * s.width;
      for (int64_t kx = 0; kx < s.kernel_width; ++kx, table += block_rows) {
        const bool inside = row_inside && left + kx >= 0 && left + kx < s.in_width();
        const int64_t pixel = row + ((left + kx) >> shift);
        table[0] = inside ? args.src + pixel * args.src_stride : zeros;
        if (s.channels2 > 0) table[second] = inside ? args.src2 + pixel * args.src2_stride : zeros;
      }
    }
  }
};

void find_conv_rows(const void* context, int64_t row_begin, int64_t rows, const float** tables) {
  static_cast<const PixelFinder*>(context)->find(row_begin, rows, tables);
}

int64_t table_count(const ConvShape& shape) { return shape.taps() * (shape.channels2 > 0 ? 2 : 1); }

}  // namespace

size_t blocked_conv_scratch_bytes(const ConvShape& shape, const Tile& tile) {
  const int64_t floats = expanded_elements(tile) + std::max(shape.channels, shape.channels2);
  return static_cast<size_t>(floats) * sizeof(float) + alignof(float*) +
         static_cast<size_t>(table_count(shape) * tile.block_rows) * sizeof(float*);
}

void run_blocked_conv(const ConvArgs& args, const GemmRange& range, void* scratch,
                      const BlockIsa& isa, DType weights) {
  const ConvShape& shape = args.shape;
  BlockScratch work;
  work.expanded = static_cast<float*>(scratch);
  work.tables = reinterpret_cast<const float**>(work.expanded + expanded_elements(isa.tile));
  float* zeros = reinterpret_cast<float*>(work.tables + table_count(shape) * isa.tile.block_rows);
  std::fill_n(zeros, std::max(shape.channels, shape.channels2), 0.0f);

  BlockedProduct product;
  product.taps = shape.taps();
  product.channels[0] = shape.channels;
  product.channels[1] = shape.channels2;
  product.packed_weights = args.packed_weights;
  product.weights = weights;
  product.outputs = shape.outputs;
  product.dst = args.dst;
  product.dst_stride = args.dst_stride;
  product.epilogue = args.epilogue;
  const PixelFinder finder{args, zeros, isa.tile.block_rows};
  run_blocked(product, range, {find_conv_rows, &finder}, work, isa.tile,
              row_block_variants(weights).*isa.variant);
}

}  // namespace edgefusion::kernels
