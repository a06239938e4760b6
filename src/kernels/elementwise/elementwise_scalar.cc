#include <cmath>

#include "kernels/activation.h"
#include "kernels/elementwise/elementwise_rows.h"

namespace edgefusion::kernels {
namespace {

template <Activation kKind>
void activation(const float* src, float* dst, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) dst[i] = activate(kKind, src[i]);
}

void add(const float* a, const float* b, float* dst, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) dst[i] = a[i] + b[i];
}

void mul(const float* a, const float* b, float* dst, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) dst[i] = a[i] * b[i];
}

void affine(const float* src, float scale, float shift, float* dst, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) dst[i] = src[i] * scale + shift;
}

void clamp(const float* src, float low, float high, float* dst, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) {
    const float raised = src[i] < low ? low : src[i];
    dst[i] = raised > high ? high : raised;
  }
}

void add_row(const AddRow& args, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    add(args.src + r * args.ld_src, args.row, args.dst + r * args.ld_dst, args.columns);
  }
}

void geglu(const Geglu& args, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    const float* src = args.src + r * args.ld_src;
    float* dst = args.dst + r * args.ld_dst;
    for (size_t c = 0; c < args.columns; ++c) {
      dst[c] = src[c] * activate(Activation::gelu, src[args.columns + c]);
    }
  }
}

float element(const Embedding& args, size_t index) {
  if (args.dtype == DType::f16) return f16_to_f32(static_cast<const uint16_t*>(args.table)[index]);
  if (args.dtype == DType::bf16) {
    return bf16_to_f32(static_cast<const uint16_t*>(args.table)[index]);
  }
  return static_cast<const float*>(args.table)[index];
}

void embedding(const Embedding& args, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    const size_t at = static_cast<size_t>(args.ids[r]) * args.columns;
    for (size_t c = 0; c < args.columns; ++c) {
      args.dst[r * args.ld_dst + c] = element(args, at + c);
    }
  }
}

void f16_to_f32_many(const uint16_t* src, float* dst, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) dst[i] = f16_to_f32(src[i]);
}

void bf16_to_f32_many(const uint16_t* src, float* dst, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) dst[i] = bf16_to_f32(src[i]);
}

void to_u8(const float* src, float scale, float shift, uint8_t* dst, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) {
    const float moved = src[i] * scale + shift;
    const float positive = moved > 0.0f ? moved : 0.0f;  // NaN too
    const float level = (positive < 1.0f ? positive : 1.0f) * 255.0f;
    dst[i] = static_cast<uint8_t>(std::nearbyint(level));
  }
}

}  // namespace

ElementwiseKernels elementwise_scalar() {
  ElementwiseKernels row{};
  row.activations = {
      activation<Activation::none>,      activation<Activation::relu>,
      activation<Activation::silu>,      activation<Activation::gelu>,
      activation<Activation::gelu_tanh>, activation<Activation::quick_gelu>,
      activation<Activation::tanh>,      activation<Activation::sigmoid>,
  };
  row.add = add;
  row.mul = mul;
  row.affine = affine;
  row.clamp = clamp;
  row.add_row = add_row;
  row.geglu = geglu;
  row.embedding = embedding;
  row.f16_to_f32 = f16_to_f32_many;
  row.bf16_to_f32 = bf16_to_f32_many;
  row.to_u8 = to_u8;
  return row;
}

}  // namespace edgefusion::kernels
