#include "kernels/elementwise/elementwise_rows.h"
#include "kernels/highway_dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/elementwise_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/elementwise/activation-inl.h"
#include "kernels/elementwise/vector_tail-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using D16 = hn::Rebind<uint16_t, D>;

/// dst[i] = f(d, src[i])
template <class F>
HWY_INLINE void map(const float* src, float* dst, size_t count, F f) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(f(d, hn::LoadU(d, src + i)), d, dst + i);
  if (i < count) store_some(f(d, load_some(d, src + i, count - i)), d, dst + i, count - i);
}

/// dst[i] = f(d, a[i], b[i])
template <class F>
HWY_INLINE void map(const float* a, const float* b, float* dst, size_t count, F f) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(f(d, hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, dst + i);
  }
  const size_t rest = count - i;
  if (rest == 0) return;
  store_some(f(d, load_some(d, a + i, rest), load_some(d, b + i, rest)), d, dst + i, rest);
}

struct Add {
  HWY_INLINE V operator()(D, V a, V b) const { return hn::Add(a, b); }
};

struct Multiply {
  HWY_INLINE V operator()(D, V a, V b) const { return hn::Mul(a, b); }
};

struct Gate {
  HWY_INLINE V operator()(D d, V a, V b) const {
    return hn::Mul(a, Activate<Activation::gelu>()(d, b));
  }
};

struct Affine {
  float scale;
  float shift;
  HWY_INLINE V operator()(D d, V x) const {
    return hn::MulAdd(x, hn::Set(d, scale), hn::Set(d, shift));
  }
};

struct Clamp {
  float low;
  float high;
  HWY_INLINE V operator()(D d, V x) const {
    const V l = hn::Set(d, low);
    const V h = hn::Set(d, high);
    const V raised = hn::IfThenElse(hn::Lt(x, l), l, x);  // NaN compares false and stays
    return hn::IfThenElse(hn::Gt(raised, h), h, raised);
  }
};

template <Activation kKind>
void activation(const float* src, float* dst, size_t count) noexcept {
  map(src, dst, count, Activate<kKind>());
}

void add(const float* a, const float* b, float* dst, size_t count) noexcept {
  map(a, b, dst, count, Add());
}

void mul(const float* a, const float* b, float* dst, size_t count) noexcept {
  map(a, b, dst, count, Multiply());
}

void affine(const float* src, float scale, float shift, float* dst, size_t count) noexcept {
  map(src, dst, count, Affine{scale, shift});
}

void clamp(const float* src, float low, float high, float* dst, size_t count) noexcept {
  map(src, dst, count, Clamp{low, high});
}

void add_row(const AddRow& args, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    map(args.src + r * args.ld_src, args.row, args.dst + r * args.ld_dst, args.columns, Add());
  }
}

void geglu(const Geglu& args, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    const float* src = args.src + r * args.ld_src;
    map(src, src + args.columns, args.dst + r * args.ld_dst, args.columns, Gate());
  }
}

struct FromF16 {
  HWY_INLINE V operator()(D d, hn::Vec<D16> bits) const {
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
};

struct FromBf16 {
  HWY_INLINE V operator()(D d, hn::Vec<D16> bits) const {
    const hn::RebindToUnsigned<D> du;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, bits)));
  }
};

/// dst[i] = f(d, src[i]) from 16-bit elements.
template <class F>
HWY_INLINE void widen(const uint16_t* src, float* dst, size_t count, F f) {
  const D d;
  const D16 d16;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(f(d, hn::LoadU(d16, src + i)), d, dst + i);
  if (i < count) store_some(f(d, load_some(d16, src + i, count - i)), d, dst + i, count - i);
}

void f16_to_f32_many(const uint16_t* src, float* dst, size_t count) noexcept {
  widen(src, dst, count, FromF16());
}

void bf16_to_f32_many(const uint16_t* src, float* dst, size_t count) noexcept {
  widen(src, dst, count, FromBf16());
}

void embedding(const Embedding& args, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    const size_t at = static_cast<size_t>(args.ids[r]) * args.columns;
    float* dst = args.dst + r * args.ld_dst;
    if (args.dtype == DType::f16) {
      f16_to_f32_many(static_cast<const uint16_t*>(args.table) + at, dst, args.columns);
    } else if (args.dtype == DType::bf16) {
      bf16_to_f32_many(static_cast<const uint16_t*>(args.table) + at, dst, args.columns);
    } else {
      std::memcpy(dst, static_cast<const float*>(args.table) + at, args.columns * sizeof(float));
    }
  }
}

HWY_INLINE hn::Vec<hn::Rebind<uint8_t, D>> quantized(V x, float scale, float shift) {
  const D d;
  const V unit = hn::Set(d, 1.0f);
  // Two roundings, as numpy has them; a comparison with NaN is false, which gives 0.
  const V moved = hn::Add(hn::Mul(x, hn::Set(d, scale)), hn::Set(d, shift));
  const V positive = hn::IfThenElseZero(hn::Gt(moved, hn::Zero(d)), moved);
  const V level = hn::Mul(hn::Min(positive, unit), hn::Set(d, 255.0f));
  return hn::DemoteTo(hn::Rebind<uint8_t, D>(), hn::NearestInt(level));
}

void to_u8(const float* src, float scale, float shift, uint8_t* dst, size_t count) noexcept {
  const D d;
  const hn::Rebind<uint8_t, D> d8;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(quantized(hn::LoadU(d, src + i), scale, shift), d8, dst + i);
  }
  const size_t rest = count - i;
  if (rest == 0) return;
  store_some(quantized(load_some(d, src + i, rest), scale, shift), d8, dst + i, rest);
}

}  // namespace

ElementwiseKernels elementwise_functions() {
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
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<ElementwiseKernels (*)()> elementwise_variants() {
  return EF_HIGHWAY_VARIANTS(ElementwiseKernels(*)(), elementwise_functions);
}

}  // namespace edgefusion::kernels
#endif  // HWY_ONCE
