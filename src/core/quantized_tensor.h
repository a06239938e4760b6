#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/shape.h"
#include "core/tensor.h"

namespace edgefusion {

/// How the weights of a quantised layer are written down.
enum class WeightCode : uint8_t {
  s8,        ///< one scale for each output
  s4,        ///< two values a byte, one scale for a group of inputs of an output
  palette4,  ///< indices of so many bits into a palette that some outputs share
  palette5,
  palette6,
};

std::string_view to_string(WeightCode code);
Result<WeightCode> parse_weight_code(std::string_view name);
/// Bits of one index or value.
int bits_of(WeightCode code);

/// A quantised weight tensor that somebody else owns; data is aligned to its type. Codes are in the
/// order of the tensor, those of fewer than 8 bits one after the other with the lowest bit first,
/// and each output begins at a whole byte.
struct QuantizedTensor {
  WeightCode code = WeightCode::s8;
  Shape shape;  ///< of the weights: [O,I] or [O,I,KH,KW]
  const std::byte* codes = nullptr;
  size_t code_bytes = 0;
  const float* scales = nullptr;    ///< s8: [O]; s4: [O, groups] over k = tap * I + input
  const float* palettes = nullptr;  ///< [ceil(O / rows_per_palette), 2^bits]
  int64_t group = 0;                ///< s4: inputs that share a scale
  int64_t rows_per_palette = 0;
  /// Layers of u8 activations have the scales of their inputs multiplied into the weights: the
  /// weight of input i is code * scale / input_scale[i]. Empty: ones; one value: of all inputs.
  std::vector<float> input_scale;
  /// The inputs were rotated in blocks of so many before that; 0: not.
  int hadamard = 0;

  int64_t outputs() const { return shape[0]; }
  int64_t inputs() const { return shape[1]; }
  int64_t taps() const { return shape.rank() == 4 ? shape[2] * shape[3] : 1; }
};

/// Bytes of the codes of weights of that shape.
size_t code_bytes(WeightCode code, const Shape& shape);

/// The weights as floats, in the order of a plain tensor.
Tensor dequantized(const QuantizedTensor& tensor);

}  // namespace edgefusion
