#include "kernels/conv/conv_blocked.h"

#include <algorithm>

namespace edgefusion::kernels {
namespace {

/// Finds where each tap of each output pixel reads: in src, in src2, or in a row of zeros.
class PixelFinder {
 public:
  PixelFinder(const ConvArgs& args, const float* zeros, int64_t block_rows)
      : args_(args), shape_(args.shape), zeros_(zeros), block_rows_(block_rows) {}

  void find(int64_t pixel, int64_t count, const float** tables) const {
    const int64_t width = shape_.out_width(), height = shape_.out_height();
    int64_t x = pixel % width, line = pixel / width;
    while (count > 0) {
      const int64_t run = std::min(width - x, count);
      find_run(line / height, line % height, {x, run}, tables);
      tables += run;
      count -= run;
      x = 0;
      ++line;
    }
  }

 private:
  /// Neighbours on one line of the output.
  struct Run {
    int64_t x, count;
  };

  void find_run(int64_t n, int64_t y, Run run, const float** table) const {
    const int64_t second = shape_.taps() * block_rows_;
    for (int64_t ky = 0; ky < shape_.kernel_height; ++ky) {
      const int64_t in_y = y * shape_.stride - shape_.pad_top + ky;
      const bool inside = in_y >= 0 && in_y < shape_.in_height();
      const int64_t row = (n * shape_.height + (in_y >> shift())) * shape_.width;
      const float* src = inside ? args_.src + row * args_.src_stride : nullptr;
      const bool inside2 = inside && shape_.channels2 > 0;
      const float* src2 = inside2 ? args_.src2 + row * args_.src2_stride : nullptr;
      for (int64_t kx = 0; kx < shape_.kernel_width; ++kx, table += block_rows_) {
        const Run in{run.x * shape_.stride - shape_.pad_left + kx, run.count};
        fill(src, args_.src_stride, in, table);
        if (shape_.channels2 > 0) fill(src2, args_.src2_stride, in, table + second);
      }
    }
  }

  /// Addresses of the pixels in.x, in.x + stride, ... of an input row (null: outside).
  void fill(const float* row, int64_t pixel_stride, Run in, const float** table) const {
    if (row == nullptr) {
      std::fill_n(table, in.count, zeros_);
      return;
    }
    const int64_t width = shape_.in_width(), stride = shape_.stride;
    const int halving = shift();
    int64_t x = in.x;
    for (int64_t r = 0; r < in.count; ++r, x += stride) {
      table[r] = x >= 0 && x < width ? row + (x >> halving) * pixel_stride : zeros_;
    }
  }

  int shift() const { return shape_.upsample2x ? 1 : 0; }

  const ConvArgs& args_;
  const ConvShape& shape_;
  const float* zeros_;
  int64_t block_rows_;
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
  const PixelFinder finder(args, zeros, isa.tile.block_rows);
  run_blocked(product, range, {find_conv_rows, &finder}, work, isa.tile,
              row_block_variants(weights).*isa.variant);
}

}  // namespace edgefusion::kernels
