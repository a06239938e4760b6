#include "kernels/matrix/finish_panel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matrix/finish_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#if !EF_HIGHWAY_IS_FALLBACK
#include "kernels/elementwise/activation-inl.h"
#include "kernels/elementwise/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;

inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(DF()));

/// `count` columns at once: a whole vector, or what is left of one.
template <class T>
HWY_INLINE VF load_columns(const void* from, int64_t at, int count) {
  const T* values = static_cast<const T*>(from) + at;
  if (count == kLanes) return load_f32(DF(), values);
  return load_f32_some(DF(), values, static_cast<size_t>(count));
}

HWY_INLINE VF load_values(const void* from, DType type, int64_t at, int count) {
  return type == DType::f32 ? load_columns<float>(from, at, count)
                            : load_columns<Bf16>(from, at, count);
}

template <class T>
HWY_INLINE void store_columns(VF x, void* to, int64_t at, int count) {
  T* values = static_cast<T*>(to) + at;
  if (count == kLanes) return store_rounded(x, DF(), values);
  store_rounded_some(x, DF(), values, static_cast<size_t>(count));
}

HWY_INLINE void store_values(VF x, void* to, DType type, int64_t at, int count) {
  if (type == DType::f32) return store_columns<float>(x, to, at, count);
  store_columns<Bf16>(x, to, at, count);
}

template <Activation kKind>
HWY_INLINE VF finish_vector(const FinishPanel& f, VF x, int64_t row, int column, int count) {
  const DF d;
  if (f.residual == nullptr) return Activate<kKind>()(d, x);
  const VF residual =
      load_values(f.residual, f.residual_type, row * f.residual_stride + column, count);
  if (f.activation_after_residual) return Activate<kKind>()(d, hn::Add(x, residual));
  return hn::Add(Activate<kKind>()(d, x), residual);
}

template <Activation kKind>
HWY_NOINLINE void finish_rows(const FinishPanel& f) {
  const DF d;
  for (int64_t row = 0; row < f.rows; ++row) {
    const float* sums = f.sums + row * kPanelColumns;
    for (int column = 0; column < f.columns; column += kLanes) {
      VF x = hn::Add(hn::Load(d, sums + column), hn::Load(d, f.bias + column));
      if (f.gate != 0) {
        const int gates = f.gate + column;
        const VF gate = hn::Add(hn::LoadU(d, sums + gates), hn::LoadU(d, f.bias + gates));
        x = hn::Mul(x, Activate<Activation::gelu>()(d, gate));
      }
      const int count = HWY_MIN(kLanes, f.columns - column);
      store_values(finish_vector<kKind>(f, x, row, column, count), f.dst, f.dst_type,
                   row * f.dst_stride + column, count);
    }
  }
}

void finish_panel(const FinishPanel& f) noexcept {
  switch (f.activation) {
    case Activation::none:
      return finish_rows<Activation::none>(f);
    case Activation::relu:
      return finish_rows<Activation::relu>(f);
    case Activation::silu:
      return finish_rows<Activation::silu>(f);
    case Activation::gelu:
      return finish_rows<Activation::gelu>(f);
    case Activation::gelu_tanh:
      return finish_rows<Activation::gelu_tanh>(f);
    case Activation::quick_gelu:
      return finish_rows<Activation::quick_gelu>(f);
    case Activation::tanh:
      return finish_rows<Activation::tanh>(f);
    case Activation::sigmoid:
      return finish_rows<Activation::sigmoid>(f);
  }
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<FinishFunction> finish_panel_variants() {
  return EF_HIGHWAY_VARIANTS(FinishFunction, finish_panel);
}

}  // namespace edgefusion::kernels
#endif
