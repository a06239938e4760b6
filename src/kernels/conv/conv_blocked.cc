#include "kernels/conv/conv_blocked.h"

#include <algorithm>

#include "kernels/conv/pixel_finder.h"

namespace edgefusion::kernels {
namespace {

void find_conv_rows(const void* context, int64_t row_begin, int64_t rows, const float** tables) {
  static_cast<const PixelFinder<float>*>(context)->find(row_begin, rows, tables);
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
  const PixelFinder<float> finder(
      shape, {args.src, args.src_stride, args.src2, args.src2_stride, zeros}, isa.tile.block_rows);
  run_blocked(product, range, {find_conv_rows, &finder}, work, isa.tile,
              row_block_variants(weights).*isa.variant);
}

}  // namespace edgefusion::kernels
