#include <type_traits>

#include "kernels/matrix/finish_panel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matrix/finish_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#if !EF_HIGHWAY_IS_FALLBACK
#include "kernels/elementwise/activation-inl.h"
#include "kernels/elementwise/fast_activation-inl.h"
#include "kernels/elementwise/storage-inl.h"
#include "kernels/quantize/quantized-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using DF = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<DF>;
using DU8 = hn::Rebind<uint8_t, DF>;
using VF = hn::Vec<DF>;

inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(DF()));

// ---- What comes in: a row of sums with the bias on it ----

class FloatSums {
 public:
  explicit FloatSums(const FinishPanel& f) : sums_(f.sums), bias_(f.bias) {}

  HWY_INLINE void begin_row(int64_t) {}
  HWY_INLINE VF at(int column) const {
    return hn::Add(hn::LoadU(DF(), sums_ + column), hn::LoadU(DF(), bias_ + column));
  }
  HWY_INLINE void end_row() { sums_ += kPanelColumns; }

 private:
  const float* HWY_RESTRICT sums_;
  const float* HWY_RESTRICT bias_;
};

class ScaledSums {
 public:
  explicit ScaledSums(const FinishPanel& f)
      : sums_(f.sums), scale_(f.column_scale), bias_(f.bias) {}

  HWY_INLINE void begin_row(int64_t) {}
  HWY_INLINE VF at(int column) const {
    const DF d;
    const VF x = hn::Mul(hn::LoadU(d, sums_ + column), hn::LoadU(d, scale_ + column));
    return hn::Add(x, hn::LoadU(d, bias_ + column));
  }
  HWY_INLINE void end_row() { sums_ += kPanelColumns; }

 private:
  const float* HWY_RESTRICT sums_;
  const float* HWY_RESTRICT scale_;
  const float* HWY_RESTRICT bias_;
};

/// Products and sums are not fused, so that every instruction set gives the same bits.
class IntSums {
 public:
  explicit IntSums(const FinishPanel& f)
      : sums_(f.int_sums),
        offset_(f.column_offset),
        scale_(f.column_scale),
        bias_(f.bias),
        row_scales_(f.row_scale),
        row_scale_(hn::Set(DF(), 1.0f)) {}

  HWY_INLINE void begin_row(int64_t row) {
    if (row_scales_ != nullptr) row_scale_ = hn::Set(DF(), row_scales_[row]);
  }
  HWY_INLINE VF at(int column) const {
    const DF d;
    const DI di;
    const auto sum = hn::Add(hn::LoadU(di, sums_ + column), hn::LoadU(di, offset_ + column));
    const VF x = hn::Mul(hn::ConvertTo(d, sum), hn::LoadU(d, scale_ + column));
    return hn::Add(hn::Mul(x, row_scale_), hn::LoadU(d, bias_ + column));
  }
  HWY_INLINE void end_row() { sums_ += kPanelColumns; }

 private:
  const int32_t* HWY_RESTRICT sums_;
  const int32_t* HWY_RESTRICT offset_;
  const float* HWY_RESTRICT scale_;
  const float* HWY_RESTRICT bias_;
  const float* row_scales_;
  VF row_scale_;
};

// ---- What goes out ----

/// The lowest byte of each lane.
HWY_INLINE hn::Vec<DU8> lowest_bytes(VF lanes) {
  return hn::TruncateTo(DU8(), hn::BitCast(hn::RebindToUnsigned<DF>(), lanes));
}

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

HWY_NOINLINE void store_quantized(const FinishPanel& f, VF x, int64_t at, int column, int count) {
  auto* values = static_cast<uint8_t*>(f.dst) + at;
  const VF inverse_scale = load_columns<float>(f.dst_inverse_scale, column, count);
  const Quantizer<DF> quantizer(f.dst_zero_point);
  const auto q = quantizer.bytes(hn::Mul(x, inverse_scale));
  if (count == kLanes) return hn::StoreU(q, DU8(), values);
  store_some(q, DU8(), values, static_cast<size_t>(count));
}

HWY_INLINE void store_values(const FinishPanel& f, VF x, int64_t row, int column, int count) {
  const int64_t at = row * f.dst_stride + column;
  if (f.dst_type == DType::u8) return store_quantized(f, x, at, column, count);
  if (f.dst_type == DType::f32) return store_columns<float>(x, f.dst, at, count);
  store_columns<Bf16>(x, f.dst, at, count);
}

// ---- Any panel ----

template <Activation kKind>
HWY_INLINE VF finish_vector(const FinishPanel& f, VF x, int64_t row, int column, int count) {
  const DF d;
  if (f.residual == nullptr) return Activate<kKind>()(d, x);
  const VF residual =
      load_values(f.residual, f.residual_type, row * f.residual_stride + column, count);
  if (f.activation_after_residual) return Activate<kKind>()(d, hn::Add(x, residual));
  return hn::Add(Activate<kKind>()(d, x), residual);
}

template <class Sums, Activation kKind>
HWY_NOINLINE void finish_rows(const FinishPanel& f) {
  Sums sums(f);
  for (int64_t row = 0; row < f.rows; ++row) {
    sums.begin_row(row);
    for (int column = 0; column < f.columns; column += kLanes) {
      VF x = sums.at(column);
      if (f.gate != 0) {
        x = hn::Mul(x, Activate<Activation::gelu>()(DF(), sums.at(f.gate + column)));
      }
      const int count = HWY_MIN(kLanes, f.columns - column);
      store_values(f, finish_vector<kKind>(f, x, row, column, count), row, column, count);
    }
    sums.end_row();
  }
}

// ---- Whole vectors, with everything decided before the loop: on layers of few inputs the
// decisions would take a tenth of the time ----

class Bf16Rows {
 public:
  explicit Bf16Rows(const FinishPanel& f)
      : dst_(static_cast<Bf16*>(f.dst)), stride_(f.dst_stride) {}
  HWY_INLINE void store(VF x, int column) const { store_rounded(x, DF(), dst_ + column); }
  HWY_INLINE void end_row() { dst_ += stride_; }

 private:
  Bf16* dst_;
  int64_t stride_;
};

class U8Rows {
 public:
  explicit U8Rows(const FinishPanel& f)
      : quantizer_(f.dst_zero_point),
        inverse_scale_(f.dst_inverse_scale),
        dst_(static_cast<uint8_t*>(f.dst)),
        stride_(f.dst_stride) {}
  HWY_INLINE void store(VF x, int column) const {
    const VF t = hn::Mul(x, hn::LoadU(DF(), inverse_scale_ + column));
    hn::StoreU(quantizer_.bytes(t), DU8(), dst_ + column);
  }
  HWY_INLINE void end_row() { dst_ += stride_; }

 private:
  Quantizer<DF> quantizer_;
  const float* inverse_scale_;
  uint8_t* dst_;
  int64_t stride_;
};

/// What comes with the sums of a panel, apart from the bias.
enum class Extra { none, gate, residual, residual_before_activation };

/// Sums of f32 stored as bf16 keep the exact activations they have always had.
template <class Sums, class Rows, Activation kKind>
using ActivateRows =
    std::conditional_t<!std::is_same_v<Sums, IntSums> && std::is_same_v<Rows, Bf16Rows>,
                       Activate<kKind>, FastActivate<kKind>>;

template <class Sums, class Rows, Activation kKind, Extra kExtra>
HWY_NOINLINE void finish_whole_rows(const FinishPanel& f) {
  const DF d;
  const ActivateRows<Sums, Rows, kKind> activate;
  constexpr bool kBefore = kExtra == Extra::residual_before_activation;
  const auto* residual = static_cast<const Bf16*>(f.residual);
  Sums sums(f);
  Rows rows(f);
  for (int64_t row = 0; row < f.rows; ++row) {
    sums.begin_row(row);
    for (int column = 0; column < f.columns; column += kLanes) {
      VF x = sums.at(column);
      if constexpr (kExtra == Extra::gate) {
        const VF gate = sums.at(kPanelColumns / 2 + column);
        x = hn::Mul(x, ActivateRows<Sums, Rows, Activation::gelu>()(d, gate));
      }
      if constexpr (kBefore) x = hn::Add(x, load_f32(d, residual + column));
      x = activate(d, x);
      if constexpr (kExtra == Extra::residual) x = hn::Add(x, load_f32(d, residual + column));
      rows.store(x, column);
    }
    sums.end_row();
    rows.end_row();
    if constexpr (kBefore || kExtra == Extra::residual) residual += f.residual_stride;
  }
}

/// Whether finish_whole_rows() can do it.
bool is_whole(const FinishPanel& f) {
  const bool residual_fits = f.residual == nullptr || f.residual_type == DType::bf16;
  return f.dst_type != DType::f32 && f.columns % kLanes == 0 && residual_fits;
}

template <class Sums, class Rows, Activation kKind>
void finish_activated(const FinishPanel& f) {
  if (f.residual == nullptr) return finish_whole_rows<Sums, Rows, kKind, Extra::none>(f);
  if constexpr (kKind != Activation::none) {
    if (f.activation_after_residual) {
      return finish_whole_rows<Sums, Rows, kKind, Extra::residual_before_activation>(f);
    }
  }
  finish_whole_rows<Sums, Rows, kKind, Extra::residual>(f);
}

/// Activations that layers of convolutions end with; the others are rare, and their own arithmetic
/// outweighs the decisions.
constexpr bool is_common(Activation kind) {
  return kind == Activation::none || kind == Activation::relu || kind == Activation::silu;
}

template <class Sums, Activation kKind>
void finish_as(const FinishPanel& f) {
  constexpr bool kCommon = is_common(kKind), kFloat = std::is_same_v<Sums, FloatSums>;
  if (!is_whole(f) || f.gate != 0) return finish_rows<Sums, kKind>(f);
  if constexpr (kCommon || kFloat) {
    if (f.dst_type == DType::bf16) return finish_activated<Sums, Bf16Rows, kKind>(f);
  }
  if constexpr (kCommon) {
    if (f.dst_type == DType::u8) return finish_activated<Sums, U8Rows, kKind>(f);
  }
  finish_rows<Sums, kKind>(f);
}

/// A gated panel mostly has nothing else.
template <class Sums>
void finish_linear(const FinishPanel& f) {
  const bool only_gated = f.gate == kPanelColumns / 2 && f.residual == nullptr && is_whole(f);
  if (!only_gated) return finish_as<Sums, Activation::none>(f);
  if (f.dst_type == DType::u8) {
    return finish_whole_rows<Sums, U8Rows, Activation::none, Extra::gate>(f);
  }
  finish_whole_rows<Sums, Bf16Rows, Activation::none, Extra::gate>(f);
}

template <class Sums>
void finish_sums(const FinishPanel& f) {
  switch (f.activation) {
    case Activation::none:
      return finish_linear<Sums>(f);
    case Activation::relu:
      return finish_as<Sums, Activation::relu>(f);
    case Activation::silu:
      return finish_as<Sums, Activation::silu>(f);
    case Activation::gelu:
      return finish_as<Sums, Activation::gelu>(f);
    case Activation::gelu_tanh:
      return finish_as<Sums, Activation::gelu_tanh>(f);
    case Activation::quick_gelu:
      return finish_as<Sums, Activation::quick_gelu>(f);
    case Activation::tanh:
      return finish_as<Sums, Activation::tanh>(f);
    case Activation::sigmoid:
      return finish_as<Sums, Activation::sigmoid>(f);
  }
}

void finish_panel(const FinishPanel& f) noexcept {
  if (f.int_sums != nullptr) return finish_sums<IntSums>(f);
  if (f.column_scale != nullptr) return finish_sums<ScaledSums>(f);
  finish_sums<FloatSums>(f);
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
