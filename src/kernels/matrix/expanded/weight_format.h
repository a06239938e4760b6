#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace edgefusion::kernels {

/// How a weight is written in 8 bits or fewer.
enum class WeightCode : uint8_t {
  s8,       ///< code * scale[output], code in [-128, 127]
  s4,       ///< (code - 8) * scale[output][k / group], code in [0, 15]; k = tap * inputs + input
  palette,  ///< palette[output / rows_per_palette][code], code in [0, 2^bits)
};

struct WeightFormat {
  WeightCode code = WeightCode::s8;
  int bits = 8;                   ///< of a code: 8, 4, or 4 to 6 of a palette
  DType scale_type = DType::f32;  ///< of scales and palettes: f32 or f16
  int64_t group = 32;             ///< s4: products with one scale; a multiple of 32
  int64_t rows_per_palette = 16;  ///< a multiple of 16, of which outputs of a gated layer are 2n

  /// Bytes of the codes of `count` weights, filled up to whole ones.
  int64_t code_bytes(int64_t count) const { return (count * bits + 7) / 8; }
};

}  // namespace edgefusion::kernels
