#include "kernels/activation.h"
#include "kernels/elementwise/elementwise_rows.h"
#include "kernels/elementwise/storage.h"

namespace edgefusion::kernels {
namespace {

/// dst[i] = f(src[i])
template <class Src, class Dst, class F>
void map(const Src* src, Dst* dst, size_t count, F f) {
  for (size_t i = 0; i < count; ++i) store_rounded(f(to_f32(src[i])), dst[i]);
}

/// dst[i] = f(a[i], b[i])
template <class T, class F>
void map(const void* a, const void* b, void* dst, size_t count, F f) {
  const T* left = static_cast<const T*>(a);
  const T* right = static_cast<const T*>(b);
  T* out = static_cast<T*>(dst);
  for (size_t i = 0; i < count; ++i) store_rounded(f(to_f32(left[i]), to_f32(right[i])), out[i]);
}

template <class T, Activation kKind>
void activation(const void* src, void* dst, size_t count) noexcept {
  map(static_cast<const T*>(src), static_cast<T*>(dst), count,
      [](float x) { return activate(kKind, x); });
}

template <class T>
void add(const void* a, const void* b, void* dst, size_t count) noexcept {
  map<T>(a, b, dst, count, [](float x, float y) { return x + y; });
}

template <class T>
void mul(const void* a, const void* b, void* dst, size_t count) noexcept {
  map<T>(a, b, dst, count, [](float x, float y) { return x * y; });
}

template <class T>
void affine(const void* src, float scale, float shift, void* dst, size_t count) noexcept {
  map(static_cast<const T*>(src), static_cast<T*>(dst), count,
      [=](float x) { return x * scale + shift; });
}

template <class T>
void geglu(const Geglu& args, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    const T* src = static_cast<const T*>(args.src) + r * args.ld_src;
    T* dst = static_cast<T*>(args.dst) + r * args.ld_dst;
    map<T>(src, src + args.columns, dst, args.columns,
           [](float a, float b) { return a * activate(Activation::gelu, b); });
  }
}

float element(const Embedding& args, size_t index) {
  if (args.dtype == DType::f16) return f16_to_f32(static_cast<const uint16_t*>(args.table)[index]);
  if (args.dtype == DType::bf16) return to_f32(static_cast<const Bf16*>(args.table)[index]);
  return static_cast<const float*>(args.table)[index];
}

template <class T>
void embedding(const Embedding& args, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    const size_t at = static_cast<size_t>(args.ids[r]) * args.columns;
    T* dst = static_cast<T*>(args.dst) + r * args.ld_dst;
    for (size_t c = 0; c < args.columns; ++c) store_rounded(element(args, at + c), dst[c]);
  }
}

template <class T>
void from_f32(const float* src, void* dst, size_t count) noexcept {
  map(src, static_cast<T*>(dst), count, [](float x) { return x; });
}

template <class T>
void to_f32_many(const void* src, float* dst, size_t count) noexcept {
  map(static_cast<const T*>(src), dst, count, [](float x) { return x; });
}

template <class T>
ElementwiseKernels make_row(DType dtype) {
  ElementwiseKernels row{};
  row.dtype = dtype;
  row.activations = {
      activation<T, Activation::none>,      activation<T, Activation::relu>,
      activation<T, Activation::silu>,      activation<T, Activation::gelu>,
      activation<T, Activation::gelu_tanh>, activation<T, Activation::quick_gelu>,
      activation<T, Activation::tanh>,      activation<T, Activation::sigmoid>,
  };
  row.add = add<T>;
  row.mul = mul<T>;
  row.affine = affine<T>;
  row.geglu = geglu<T>;
  row.embedding = embedding<T>;
  row.from_f32 = from_f32<T>;
  row.to_f32 = to_f32_many<T>;
  return row;
}

}  // namespace

ElementwiseKernels elementwise_scalar(DType dtype) {
  return dtype == DType::bf16 ? make_row<Bf16>(dtype) : make_row<float>(dtype);
}

}  // namespace edgefusion::kernels
