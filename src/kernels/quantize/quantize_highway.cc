#include "kernels/highway_dispatch.h"
#include "kernels/quantize/quantize_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantize/quantize_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/quantize/hadamard-inl.h"
#include "kernels/quantize/quantized-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

using DI = hn::RebindToSigned<D>;
using VI = hn::Vec<DI>;

/// Some columns of a row's t; zeros fill the last vector. kMaxHadamard of them are whole blocks.
struct Part {
  HWY_ALIGN float t[kMaxHadamard];
  size_t columns;
};

/// The larger magnitude as bits, see row_scale.
HWY_INLINE VI larger(VI largest, V t) { return hn::Max(largest, hn::BitCast(DI(), hn::Abs(t))); }

/// Multiplies all numbers by `factor`; returns the largest magnitudes of the products.
HWY_INLINE VI scale_part(float factor, Part& part) {
  const D d;
  const V factors = hn::Set(d, factor);
  VI largest = hn::Zero(DI());
  for (size_t c = 0; c < part.columns; c += hn::Lanes(d)) {
    const V t = hn::Mul(hn::Load(d, part.t + c), factors);
    largest = larger(largest, t);
    hn::Store(t, d, part.t + c);
  }
  return largest;
}

/// The t of a part; returns their largest magnitudes.
template <class T>
HWY_INLINE VI compute_part(const QuantizeRows& args, size_t row, size_t column0, Part& part) {
  const D d;
  const T* src = static_cast<const T*>(args.src) + row * args.ld_src + column0;
  const float* inverse_scale = args.inverse_scale + column0;
  part.columns = HWY_MIN(args.columns - column0, kMaxHadamard);
  const size_t lanes = hn::Lanes(d);
  VI largest = hn::Zero(DI());
  size_t c = 0;
  for (; c + lanes <= part.columns; c += lanes) {
    const V t = hn::Mul(load_f32(d, src + c), hn::LoadU(d, inverse_scale + c));
    largest = larger(largest, t);
    hn::Store(t, d, part.t + c);
  }
  const size_t rest = part.columns - c;
  if (rest != 0) {
    const V t = hn::Mul(load_f32_some(d, src + c, rest), load_some(d, inverse_scale + c, rest));
    largest = larger(largest, t);
    hn::Store(t, d, part.t + c);
  }
  if (args.hadamard <= 1) return largest;
  butterflies(d, part.t, part.columns, args.hadamard);
  return scale_part(hadamard_factor(args.hadamard), part);
}

/// Quantises t * factor.
HWY_INLINE void store_part(const Part& part, float factor, const Quantizer<D>& quantizer,
                           uint8_t* dst) {
  const D d;
  const Pair<V> factors = {hn::Set(d, factor), hn::Set(d, factor)};
  for_steps(d, part.columns, [&](size_t c, auto step) HWY_ATTR {
    const Pair<V> t = step.load(d, part.t + c);
    quantizer.store(step, multiplied(t, factors), as_paired<float>(dst + c));
  });
}

/// Rows whose scales are given and that are not multiplied by a matrix: one pass.
template <class T>
void quantize_plain(const QuantizeRows& args, size_t row0, size_t row1) {
  const D d;
  const Quantizer<D> quantizer(args.zero_point);
  for (size_t r = row0; r < row1; ++r) {
    const T* src = static_cast<const T*>(args.src) + r * args.ld_src;
    uint8_t* dst = args.dst + r * args.ld_dst;
    for_steps(d, args.columns, [&](size_t c, auto step) HWY_ATTR {
      const Pair<V> value = step.load(d, src + c);
      const Pair<V> inverse_scale = step.template load_for<T>(d, args.inverse_scale + c);
      quantizer.store(step, multiplied(value, inverse_scale), as_paired<T>(dst + c));
    });
  }
}

template <class T>
void quantize_rotated(const QuantizeRows& args, size_t row0, size_t row1) {
  const Quantizer<D> quantizer(args.zero_point);
  Part part;
  for (size_t r = row0; r < row1; ++r) {
    for (size_t c = 0; c < args.columns; c += part.columns) {
      compute_part<T>(args, r, c, part);
      store_part(part, 1.0f, quantizer, args.dst + r * args.ld_dst + c);
    }
  }
}

template <class T>
void quantize_by_row(const QuantizeRows& args, size_t row0, size_t row1) {
  const Quantizer<D> quantizer(128, 1);
  Part part;
  for (size_t r = row0; r < row1; ++r) {
    VI largest = hn::Zero(DI());
    for (size_t c = 0; c < args.columns; c += part.columns) {
      largest = hn::Max(largest, compute_part<T>(args, r, c, part));
    }
    const int32_t bits = hn::GetLane(hn::MaxOfLanes(DI(), largest));
    args.row_scales[r] = row_scale(static_cast<uint32_t>(bits));
    const float inverse = 1.0f / args.row_scales[r];
    for (size_t c = 0; c < args.columns; c += part.columns) {
      if (args.columns > kMaxHadamard) compute_part<T>(args, r, c, part);
      store_part(part, inverse, quantizer, args.dst + r * args.ld_dst + c);
    }
  }
}

template <class T>
void quantize(const QuantizeRows& args, size_t row0, size_t row1) noexcept {
  if (args.row_scales != nullptr) return quantize_by_row<T>(args, row0, row1);
  if (args.hadamard > 1) return quantize_rotated<T>(args, row0, row1);
  quantize_plain<T>(args, row0, row1);
}

template <class T>
void dequantize(const DequantizeRows& args, size_t row0, size_t row1) noexcept {
  const D d;
  const V zero_point = hn::Set(d, static_cast<float>(args.zero_point));
  for (size_t r = row0; r < row1; ++r) {
    const uint8_t* src = args.src + r * args.ld_src;
    T* dst = static_cast<T*>(args.dst) + r * args.ld_dst;
    for_steps(d, args.columns, [&](size_t c, auto step) HWY_ATTR {
      const Pair<V> q = step.load(d, as_paired<T>(src + c));
      const Pair<V> scale = step.template load_for<T>(d, args.scale + c);
      step.store(Pair<V>{hn::Mul(hn::Sub(q.a, zero_point), scale.a),
                         hn::Mul(hn::Sub(q.b, zero_point), scale.b)},
                 d, dst + c);
    });
  }
}

template <class T>
QuantizeFunctions functions() {
  return {quantize<T>, dequantize<T>};
}

}  // namespace

QuantizeFunctions quantize_functions(DType dtype) {
  return dtype == DType::bf16 ? functions<Bf16>() : functions<float>();
}
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<QuantizeFunctionsFor> quantize_variants() {
  return EF_HIGHWAY_VARIANTS(QuantizeFunctionsFor, quantize_functions);
}

}  // namespace edgefusion::kernels
#endif  // HWY_ONCE
