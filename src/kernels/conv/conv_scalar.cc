#include "kernels/conv/conv_scalar.h"

#include <algorithm>

#include "kernels/gemm/gemm_scalar.h"

namespace edgefusion::kernels {
namespace {

constexpr int64_t kColumns = kScalarTile.columns;

/// Index of the source pixel that `tap` of an output pixel reads, or -1 outside of the picture.
int64_t source_pixel(const ConvShape& s, int64_t pixel, int64_t tap) {
  const int64_t out_x = pixel % s.out_width();
  const int64_t out_y = pixel / s.out_width() % s.out_height();
  const int64_t n = pixel / (s.out_width() * s.out_height());
  const int64_t y = out_y * s.stride - s.pad_top + tap / s.kernel_width;
  const int64_t x = out_x * s.stride - s.pad_left + tap % s.kernel_width;
  if (y < 0 || y >= s.in_height() || x < 0 || x >= s.in_width()) return -1;
  const int64_t scale = s.upsample2x ? 2 : 1;
  return (n * s.height + y / scale) * s.width + x / scale;
}

/// sum[c] += values[i] * weights[i, c]
template <DType kWeights>
void add_products(const float* values, int64_t count, const void* packed, int64_t weights,
                  float* sum) {
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t c = 0; c < kColumns; ++c) {
      sum[c] += values[i] * scalar_weight<kWeights>(packed, weights + i * kColumns + c);
    }
  }
}

template <DType kWeights>
void sum_pixel(const ConvArgs& args, int64_t pixel, int64_t panel, float* sum) {
  const ConvShape& s = args.shape;
  for (int64_t tap = 0; tap < s.taps(); ++tap) {
    const int64_t from = source_pixel(s, pixel, tap);
    if (from < 0) continue;
    const int64_t weights = (panel * s.taps() + tap) * s.inputs() * kColumns;
    add_products<kWeights>(args.src + from * args.src_stride, s.channels, args.packed_weights,
                           weights, sum);
    if (s.channels2 == 0) continue;
    add_products<kWeights>(args.src2 + from * args.src2_stride, s.channels2, args.packed_weights,
                           weights + s.channels * kColumns, sum);
  }
}

template <DType kWeights>
void conv_scalar(const ConvArgs& args, const GemmRange& range, void*) noexcept {
  for (int64_t panel = range.panel_begin; panel < range.panel_end; ++panel) {
    const int64_t first = panel * kColumns;
    const int64_t columns = std::min(kColumns, args.shape.outputs - first);
    for (int64_t pixel = range.row_begin; pixel < range.row_end; ++pixel) {
      float sum[kColumns] = {};
      if (args.epilogue.bias != nullptr) std::copy_n(args.epilogue.bias + first, columns, sum);
      sum_pixel<kWeights>(args, pixel, panel, sum);
      for (int64_t c = 0; c < columns; ++c) {
        args.dst[pixel * args.dst_stride + first + c] =
            finish_scalar(args.epilogue, pixel, first + c, sum[c]);
      }
    }
  }
}

}  // namespace

ConvFunction scalar_conv(DType weights) {
  if (weights == DType::f16) return conv_scalar<DType::f16>;
  if (weights == DType::bf16) return conv_scalar<DType::bf16>;
  return conv_scalar<DType::f32>;
}

}  // namespace edgefusion::kernels
