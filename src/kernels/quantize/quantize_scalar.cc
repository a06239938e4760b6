#include <bit>
#include <cmath>

#include "kernels/elementwise/storage.h"
#include "kernels/quantize/quantize_rows.h"
#include "kernels/quantize/quantized.h"

namespace edgefusion::kernels {
namespace {

/// A row's t, some columns at a time: kMaxHadamard of them are whole blocks.
struct Part {
  float t[kMaxHadamard];
  size_t columns;
};

void hadamard(float* t, int block) {
  for (int half = 1; half < block; half *= 2) {
    for (int i = 0; i < block; ++i) {
      if ((i & half) != 0) continue;
      const float a = t[i];
      const float b = t[i + half];
      t[i] = a + b;
      t[i + half] = a - b;
    }
  }
  const float factor = hadamard_factor(block);
  for (int i = 0; i < block; ++i) t[i] *= factor;
}

template <class T>
void compute_part(const QuantizeRows& args, size_t row, size_t column0, Part& part) {
  const T* src = static_cast<const T*>(args.src) + row * args.ld_src + column0;
  const size_t left = args.columns - column0;
  part.columns = left < kMaxHadamard ? left : kMaxHadamard;
  for (size_t c = 0; c < part.columns; ++c) {
    part.t[c] = to_f32(src[c]) * args.inverse_scale[column0 + c];
  }
  if (args.hadamard <= 1) return;
  const size_t block = static_cast<size_t>(args.hadamard);
  for (size_t c = 0; c < part.columns; c += block) hadamard(part.t + c, args.hadamard);
}

template <class T>
float scale_of_row(const QuantizeRows& args, size_t row) {
  Part part;
  uint32_t largest = 0;
  for (size_t c0 = 0; c0 < args.columns; c0 += part.columns) {
    compute_part<T>(args, row, c0, part);
    for (size_t c = 0; c < part.columns; ++c) {
      const uint32_t bits = std::bit_cast<uint32_t>(std::abs(part.t[c]));
      if (bits > largest) largest = bits;
    }
  }
  return row_scale(largest);
}

uint8_t quantized_by_row(float t) {
  const uint8_t q = quantized(t, 128);
  return q == 0 ? 1 : q;
}

template <class T>
void quantize(const QuantizeRows& args, size_t row0, size_t row1) noexcept {
  Part part;
  for (size_t r = row0; r < row1; ++r) {
    const bool dynamic = args.row_scales != nullptr;
    if (dynamic) args.row_scales[r] = scale_of_row<T>(args, r);
    const float inverse = dynamic ? 1.0f / args.row_scales[r] : 1.0f;
    for (size_t c0 = 0; c0 < args.columns; c0 += part.columns) {
      compute_part<T>(args, r, c0, part);
      uint8_t* dst = args.dst + r * args.ld_dst + c0;
      for (size_t c = 0; c < part.columns; ++c) {
        dst[c] =
            dynamic ? quantized_by_row(part.t[c] * inverse) : quantized(part.t[c], args.zero_point);
      }
    }
  }
}

template <class T>
void dequantize(const DequantizeRows& args, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    const uint8_t* src = args.src + r * args.ld_src;
    T* dst = static_cast<T*>(args.dst) + r * args.ld_dst;
    for (size_t c = 0; c < args.columns; ++c) {
      store_rounded(dequantized(src[c], args.zero_point, args.scale[c]), dst[c]);
    }
  }
}

template <class T>
QuantizeFunctions functions() {
  return {quantize<T>, dequantize<T>};
}

}  // namespace

QuantizeFunctions quantize_functions_scalar(DType dtype) {
  return dtype == DType::bf16 ? functions<Bf16>() : functions<float>();
}

float row_scale(uint32_t largest_bits) {
  const float scale = std::bit_cast<float>(largest_bits) / 127.0f;
  return scale >= 0x1p-126f && std::isfinite(scale) ? scale : 1.0f;
}

float hadamard_factor(int block) { return 1.0f / std::sqrt(static_cast<float>(block)); }

}  // namespace edgefusion::kernels
