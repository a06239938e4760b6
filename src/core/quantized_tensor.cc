#include "core/quantized_tensor.h"

#include <algorithm>
#include <array>

#include "core/hadamard.h"
#include "core/json.h"

namespace edgefusion {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"s8", "s4", "palette4", "palette5", "palette6"};

/// Bits [index * bits, (index + 1) * bits) of a row of codes, least significant first.
unsigned code_at(const std::byte* row, int64_t index, int bits) {
  unsigned code = 0;
  for (int b = 0; b < bits; ++b) {
    const int64_t bit = index * bits + b;
    const auto byte = static_cast<unsigned>(row[bit / 8]);
    code |= ((byte >> (bit % 8)) & 1u) << b;
  }
  return code;
}

int64_t row_bytes(int bits, int64_t depth) { return (depth * bits + 7) / 8; }

/// The value behind a code, before the scales of the inputs are taken out.
float value_at(const QuantizedTensor& t, int64_t output, int64_t input, int64_t tap) {
  const int64_t depth = t.inputs() * t.taps();
  if (t.code == WeightCode::s8) {
    const auto* codes = reinterpret_cast<const int8_t*>(t.codes);
    return static_cast<float>(codes[output * depth + input * t.taps() + tap]) * t.scales[output];
  }
  const int bits = bits_of(t.code);
  const unsigned code =
      code_at(t.codes + output * row_bytes(bits, depth), input * t.taps() + tap, bits);
  if (t.code == WeightCode::s4) {
    const int64_t groups = (depth + t.group - 1) / t.group;
    const int64_t k = tap * t.inputs() + input;
    return static_cast<float>(static_cast<int>(code) - 8) * t.scales[output * groups + k / t.group];
  }
  return t.palettes[((output / t.rows_per_palette) << bits) + static_cast<int64_t>(code)];
}

}  // namespace

std::string_view to_string(WeightCode code) { return kNames[static_cast<size_t>(code)]; }

Result<WeightCode> parse_weight_code(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found != kNames.end()) return static_cast<WeightCode>(found - kNames.begin());
  return fail(ErrorCode::bad_file, "weight code \"" + printable(name) +
                                       "\": expected s8, s4, palette4, palette5 or palette6");
}

int bits_of(WeightCode code) {
  switch (code) {
    case WeightCode::s8:
      return 8;
    case WeightCode::s4:
    case WeightCode::palette4:
      return 4;
    case WeightCode::palette5:
      return 5;
    case WeightCode::palette6:
      return 6;
  }
  return 0;
}

size_t code_bytes(WeightCode code, const Shape& shape) {
  const int64_t outputs = shape[0];
  return static_cast<size_t>(outputs * row_bytes(bits_of(code), shape.elements() / outputs));
}

Tensor dequantized(const QuantizedTensor& t) {
  Tensor result(t.shape, DType::f32);
  auto values = result.values<float>();
  std::vector<float> row(static_cast<size_t>(t.inputs() * t.taps()));
  const auto scale_of = [&](int64_t input) {
    if (t.input_scale.empty()) return 1.0f;
    return t.input_scale.size() == 1 ? t.input_scale[0] : t.input_scale[static_cast<size_t>(input)];
  };
  for (int64_t o = 0; o < t.outputs(); ++o) {
    for (int64_t i = 0; i < t.inputs(); ++i) {
      for (int64_t tap = 0; tap < t.taps(); ++tap) {
        row[static_cast<size_t>(i * t.taps() + tap)] = value_at(t, o, i, tap);
      }
    }
    if (t.hadamard > 1) rotate_blocks(row, t.hadamard);
    for (size_t k = 0; k < row.size(); ++k) {
      values[static_cast<size_t>(o) * row.size() + k] =
          row[k] / scale_of(static_cast<int64_t>(k) / t.taps());
    }
  }
  return result;
}

}  // namespace edgefusion
