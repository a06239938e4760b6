#include "kernels/matrix/expanded/quantized_weights.h"

#include "kernels/matrix/expanded/expand_panel.h"
#include "kernels/matrix/pack.h"

namespace edgefusion::kernels {
namespace {

int64_t rounded_up(int64_t count, int64_t part) { return (count + part - 1) / part; }

float scale_at(const QuantizedWeights& w, int64_t index) {
  return stored_weight({.data = w.scales, .dtype = w.format.scale_type}, index);
}

}  // namespace

int64_t QuantizedWeights::scale_count() const {
  switch (format.code) {
    case WeightCode::s8:
      return outputs;
    case WeightCode::s4:
      return outputs * rounded_up(depth(), format.group);
    case WeightCode::palette:
      return rounded_up(outputs, format.rows_per_palette) << format.bits;
  }
  return 0;
}

int stored_code(const QuantizedWeights& w, int64_t o, int64_t i, int64_t tap) {
  const auto* row = static_cast<const uint8_t*>(w.codes) + o * w.format.code_bytes(w.depth());
  const int64_t index = i * w.taps + tap;
  if (w.format.code == WeightCode::s8) return static_cast<int8_t>(row[index]);
  const int64_t bit = index * w.format.bits;
  const int shift = static_cast<int>(bit % 8);
  int window = row[bit / 8];
  if (shift + w.format.bits > 8) window |= row[bit / 8 + 1] << 8;
  return window >> shift & ((1 << w.format.bits) - 1);
}

float stored_value(const QuantizedWeights& w, int64_t o, int64_t i, int64_t tap) {
  const int code = stored_code(w, o, i, tap);
  switch (w.format.code) {
    case WeightCode::s8:
      return static_cast<float>(code) * scale_at(w, o);
    case WeightCode::s4: {
      const int64_t groups = rounded_up(w.depth(), w.format.group);
      const int64_t k = tap * w.inputs + i;
      return static_cast<float>(code - 8) * scale_at(w, o * groups + k / w.format.group);
    }
    case WeightCode::palette:
      return scale_at(w, ((o / w.format.rows_per_palette) << w.format.bits) + code);
  }
  return 0.0f;
}

bool takes_format(const WeightFormat& format, int64_t outputs, bool geglu) {
  if (format.scale_type != DType::f32 && format.scale_type != DType::f16) return false;
  switch (format.code) {
    case WeightCode::s8:
      return format.bits == 8;
    case WeightCode::s4:
      return format.bits == 4 && format.group > 0 && format.group % kPanelDepth == 0;
    case WeightCode::palette:
      return format.bits >= 4 && format.bits <= kMostPaletteBits && format.rows_per_palette > 0 &&
             format.rows_per_palette % kSlots == 0 && (!geglu || outputs / 2 % kSlots == 0);
  }
  return false;
}

}  // namespace edgefusion::kernels
