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

/// What comes with the sums of a panel, apart from the bias.
enum class Extra { none, gate, residual };

/// As finish_rows() for bf16 in whole vectors, with everything decided before the loop: on layers
/// of few inputs the decisions would take a tenth of the time.
template <Activation kKind, Extra kExtra>
HWY_NOINLINE void finish_whole_rows(const FinishPanel& f) {
  const DF d;
  auto* dst = static_cast<Bf16*>(f.dst);
  const auto* residual = static_cast<const Bf16*>(f.residual);
  const float* sums = f.sums;
  for (int64_t row = 0; row < f.rows; ++row) {
    for (int column = 0; column < f.columns; column += kLanes) {
      VF x = hn::Add(hn::Load(d, sums + column), hn::Load(d, f.bias + column));
      if constexpr (kExtra == Extra::gate) {
        const int gates = kPanelColumns / 2 + column;
        const VF gate = hn::Add(hn::Load(d, sums + gates), hn::Load(d, f.bias + gates));
        x = hn::Mul(x, Activate<Activation::gelu>()(d, gate));
      }
      x = Activate<kKind>()(d, x);
      if constexpr (kExtra == Extra::residual) x = hn::Add(x, load_f32(d, residual + column));
      store_rounded(x, d, dst + column);
    }
    sums += kPanelColumns;
    dst += f.dst_stride;
    if constexpr (kExtra == Extra::residual) residual += f.residual_stride;
  }
}

/// Whether finish_whole_rows() can do it.
bool is_whole(const FinishPanel& f) {
  const bool residual_fits =
      f.residual == nullptr || (f.residual_type == DType::bf16 && !f.activation_after_residual);
  return f.dst_type == DType::bf16 && f.columns % kLanes == 0 && residual_fits;
}

template <Activation kKind>
void finish_activated(const FinishPanel& f) {
  if (!is_whole(f) || f.gate != 0) return finish_rows<kKind>(f);
  if (f.residual != nullptr) return finish_whole_rows<kKind, Extra::residual>(f);
  finish_whole_rows<kKind, Extra::none>(f);
}

/// A gated panel mostly has nothing else.
void finish_linear(const FinishPanel& f) {
  const bool only_gated = f.gate == kPanelColumns / 2 && f.residual == nullptr && is_whole(f);
  if (only_gated) return finish_whole_rows<Activation::none, Extra::gate>(f);
  finish_activated<Activation::none>(f);
}

void finish_panel(const FinishPanel& f) noexcept {
  switch (f.activation) {
    case Activation::none:
      return finish_linear(f);
    case Activation::relu:
      return finish_activated<Activation::relu>(f);
    case Activation::silu:
      return finish_activated<Activation::silu>(f);
    case Activation::gelu:
      return finish_activated<Activation::gelu>(f);
    case Activation::gelu_tanh:
      return finish_activated<Activation::gelu_tanh>(f);
    case Activation::quick_gelu:
      return finish_activated<Activation::quick_gelu>(f);
    case Activation::tanh:
      return finish_activated<Activation::tanh>(f);
    case Activation::sigmoid:
      return finish_activated<Activation::sigmoid>(f);
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
