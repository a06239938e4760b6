#include "kernels/elementwise/elementwise_rows.h"
#include "kernels/highway_dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/elementwise_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/elementwise/fast_activation-inl.h"
#include "kernels/elementwise/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// dst[i] = f(d, src[i])
template <class T, class F>
HWY_INLINE void map(const T* src, T* dst, size_t count, F f) {
  const D d;
  for_steps(d, count, [=](size_t i, auto step) HWY_ATTR {
    const Pair<V> x = step.load(d, src + i);
    step.store(Pair<V>{f(d, x.a), f(d, x.b)}, d, dst + i);
  });
}

/// dst[i] = f(d, a[i], b[i])
template <class T, class F>
HWY_INLINE void map(const T* a, const T* b, T* dst, size_t count, F f) {
  const D d;
  for_steps(d, count, [=](size_t i, auto step) HWY_ATTR {
    const Pair<V> x = step.load(d, a + i);
    const Pair<V> y = step.load(d, b + i);
    step.store(Pair<V>{f(d, x.a, y.a), f(d, x.b, y.b)}, d, dst + i);
  });
}

/// Elements from one type to another.
template <class Src, class Dst>
HWY_INLINE void convert(const Src* src, Dst* dst, size_t count) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) store_rounded(load_f32(d, src + i), d, dst + i);
  const size_t rest = count - i;
  if (rest != 0) store_rounded_some(load_f32_some(d, src + i, rest), d, dst + i, rest);
}

struct Add {
  HWY_INLINE V operator()(D, V a, V b) const { return hn::Add(a, b); }
};

struct Multiply {
  HWY_INLINE V operator()(D, V a, V b) const { return hn::Mul(a, b); }
};

template <class T>
struct Gate {
  HWY_INLINE V operator()(D d, V a, V b) const {
    return hn::Mul(a, ActivateFor<Activation::gelu, T>()(d, b));
  }
};

struct Affine {
  float scale;
  float shift;
  HWY_INLINE V operator()(D d, V x) const {
    return hn::MulAdd(x, hn::Set(d, scale), hn::Set(d, shift));
  }
};

template <class T, Activation kKind>
void activation(const void* src, void* dst, size_t count) noexcept {
  map(static_cast<const T*>(src), static_cast<T*>(dst), count, ActivateFor<kKind, T>());
}

template <class T>
void add(const void* a, const void* b, void* dst, size_t count) noexcept {
  map(static_cast<const T*>(a), static_cast<const T*>(b), static_cast<T*>(dst), count, Add());
}

template <class T>
void mul(const void* a, const void* b, void* dst, size_t count) noexcept {
  map(static_cast<const T*>(a), static_cast<const T*>(b), static_cast<T*>(dst), count, Multiply());
}

template <class T>
void affine(const void* src, float scale, float shift, void* dst, size_t count) noexcept {
  map(static_cast<const T*>(src), static_cast<T*>(dst), count, Affine{scale, shift});
}

template <class T>
void geglu(const Geglu& args, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    const T* src = static_cast<const T*>(args.src) + r * args.ld_src;
    T* dst = static_cast<T*>(args.dst) + r * args.ld_dst;
    map(src, src + args.columns, dst, args.columns, Gate<T>());
  }
}

template <class T>
void from_f32(const float* src, void* dst, size_t count) noexcept {
  convert(src, static_cast<T*>(dst), count);
}

template <class T>
void to_f32_many(const void* src, float* dst, size_t count) noexcept {
  convert(static_cast<const T*>(src), dst, count);
}

using D16 = hn::Rebind<uint16_t, D>;

HWY_INLINE V from_f16(hn::Vec<D16> bits) {
  const D d;
#if HWY_TARGET == HWY_SSE4  // Highway's version here takes infinity and NaN for numbers
  const hn::RebindToUnsigned<D> du;
  const auto wide = hn::PromoteTo(du, bits);
  const auto magnitude = hn::ShiftLeft<13>(hn::And(wide, hn::Set(du, 0x7FFFu)));
  const auto sign = hn::ShiftLeft<16>(hn::And(wide, hn::Set(du, 0x8000u)));
  // The exponent's bias grows by 112; a product, so that subnormals come out normalised.
  const V scaled = hn::Mul(hn::BitCast(d, magnitude), hn::Set(d, 0x1p112f));
  const V special = hn::BitCast(d, hn::Or(magnitude, hn::Set(du, 0x7F800000u)));
  const V limit = hn::BitCast(d, hn::Set(du, 0x7C00u << 13));
  const auto is_special = hn::Ge(hn::BitCast(d, magnitude), limit);
  return hn::Or(hn::IfThenElse(is_special, special, scaled), hn::BitCast(d, sign));
#else
  const hn::Rebind<hwy::float16_t, D> d_half;
  return hn::PromoteTo(d, hn::BitCast(d_half, bits));
#endif
}

template <class T>
HWY_INLINE void embed_f16(const uint16_t* src, T* dst, size_t count) {
  const D d;
  const D16 d16;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    store_rounded(from_f16(hn::LoadU(d16, src + i)), d, dst + i);
  }
  const size_t rest = count - i;
  if (rest == 0) return;
  store_rounded_some(from_f16(load_some(d16, src + i, rest)), d, dst + i, rest);
}

template <class T>
void embedding(const Embedding& args, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    const size_t at = static_cast<size_t>(args.ids[r]) * args.columns;
    T* dst = static_cast<T*>(args.dst) + r * args.ld_dst;
    if (args.dtype == DType::f16) {
      embed_f16(static_cast<const uint16_t*>(args.table) + at, dst, args.columns);
    } else if (args.dtype == DType::bf16) {
      convert(static_cast<const Bf16*>(args.table) + at, dst, args.columns);
    } else {
      convert(static_cast<const float*>(args.table) + at, dst, args.columns);
    }
  }
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

ElementwiseKernels elementwise_functions(DType dtype) {
  return dtype == DType::bf16 ? make_row<Bf16>(dtype) : make_row<float>(dtype);
}
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<ElementwiseFunctions> elementwise_variants() {
  return EF_HIGHWAY_VARIANTS(ElementwiseFunctions, elementwise_functions);
}

}  // namespace edgefusion::kernels
#endif  // HWY_ONCE
