#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/conv/conv.h"

namespace edgefusion::kernels {

/// The pictures a convolution reads, of element type T.
template <typename T>
struct PixelSources {
  const T* src = nullptr;
  int64_t src_stride = 0;
  const T* src2 = nullptr;
  int64_t src2_stride = 0;
  const T* zeros = nullptr;  ///< as many as the wider source has channels
};

/// Finds where each tap of each output pixel reads: in src, in src2, or in a row of zeros.
/// Tables: [(source * taps + tap) * table_rows + pixel].
template <typename T>
class PixelFinder {
 public:
  PixelFinder(const ConvShape& shape, const PixelSources<T>& sources, int64_t table_rows)
      : shape_(shape), sources_(sources), table_rows_(table_rows) {}

  /// Output pixels [pixel, pixel + count), counted over N, OH, OW.
  void find(int64_t pixel, int64_t count, const T** tables) const {
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

  void find_run(int64_t n, int64_t y, Run run, const T** table) const {
    const int64_t second = shape_.taps() * table_rows_;
    for (int64_t ky = 0; ky < shape_.kernel_height; ++ky) {
      const int64_t in_y = y * shape_.stride - shape_.pad_top + ky;
      const bool inside = in_y >= 0 && in_y < shape_.in_height();
      const int64_t row = (n * shape_.height + (in_y >> shift())) * shape_.width;
      const T* src = inside ? sources_.src + row * sources_.src_stride : nullptr;
      const bool inside2 = inside && shape_.channels2 > 0;
      const T* src2 = inside2 ? sources_.src2 + row * sources_.src2_stride : nullptr;
      for (int64_t kx = 0; kx < shape_.kernel_width; ++kx, table += table_rows_) {
        const Run in{run.x * shape_.stride - shape_.pad_left + kx, run.count};
        fill(src, sources_.src_stride, in, table);
        if (shape_.channels2 > 0) fill(src2, sources_.src2_stride, in, table + second);
      }
    }
  }

  /// Addresses of the pixels in.x, in.x + stride, ... of an input row (null: outside).
  void fill(const T* row, int64_t pixel_stride, Run in, const T** table) const {
    if (row == nullptr) {
      std::fill_n(table, in.count, sources_.zeros);
      return;
    }
    const int64_t width = shape_.in_width(), stride = shape_.stride;
    const int halving = shift();
    int64_t x = in.x;
    for (int64_t r = 0; r < in.count; ++r, x += stride) {
      table[r] = x >= 0 && x < width ? row + (x >> halving) * pixel_stride : sources_.zeros;
    }
  }

  int shift() const { return shape_.upsample2x ? 1 : 0; }

  const ConvShape& shape_;
  PixelSources<T> sources_;
  int64_t table_rows_;
};

}  // namespace edgefusion::kernels
