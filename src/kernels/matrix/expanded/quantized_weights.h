#pragma once

#include <cstdint>

#include "kernels/matrix/expanded/weight_format.h"

namespace edgefusion::kernels {

/// Weights of a linear layer or a convolution as a file holds them.
///
/// Codes are in torch's order, as all weights are: (o, i, tap) is number i * taps + tap of row o.
/// s8: a byte each. s4: two a byte, the first in the low half. Palettes: bits one after the other,
/// the lowest first. Rows begin at whole bytes.
///
/// Scales, row-major:  s8       [outputs]
///                     s4       [outputs, depth / group rounded up]   k = tap * inputs + input
///                     palette  [outputs / rows_per_palette rounded up, 2^bits]
/// All are finite; scales of s4 are zero or 2^-100 and more in magnitude.
struct QuantizedWeights {
  WeightFormat format;
  const void* codes = nullptr;
  const void* scales = nullptr;  ///< or palettes
  int64_t outputs = 0;
  int64_t inputs = 0;
  int64_t taps = 1;

  int64_t depth() const { return inputs * taps; }  ///< products in one sum
  int64_t code_bytes() const { return outputs * format.code_bytes(depth()); }
  /// Numbers behind `scales`.
  int64_t scale_count() const;
};

/// The integer that is written: -128 to 127 for s8, else from 0.
int stored_code(const QuantizedWeights& weights, int64_t o, int64_t i, int64_t tap);

/// What a weight is worth, in f32.
float stored_value(const QuantizedWeights& weights, int64_t o, int64_t i, int64_t tap);

/// Whether the kernels can run weights of that format on a layer: bits, groups and palettes are as
/// WeightFormat says, and no palette ends among the gates of 16 outputs.
bool takes_format(const WeightFormat& format, int64_t outputs, bool geglu);

}  // namespace edgefusion::kernels
