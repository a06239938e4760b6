#include "kernels/matrix/expanded/expand_highway.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matrix/expanded/expand_highway.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#if !EF_HIGHWAY_IS_FALLBACK
HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using DF = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<DF>;
using DU = hn::RebindToUnsigned<DF>;
using D16 = hn::Repartition<uint16_t, DF>;
using D8 = hn::Repartition<uint8_t, DF>;
using VF = hn::Vec<DF>;
using VI = hn::Vec<DI>;
using V16 = hn::Vec<D16>;

inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(DF()));

/// Elements whose codes lie in one run of bytes, and their slots.
inline constexpr int kRunElements = 128;
inline constexpr int kRunSlots = kRunElements / 2;

// ---- s8 ----

/// Integers of at most 8 bits are bf16 as they are: nothing is rounded.
HWY_INLINE V16 exact_pairs(VI even, VI odd) {
  const DF d;
  const auto low = hn::ShiftRight<16>(hn::BitCast(DU(), hn::ConvertTo(d, even)));
  return hn::OddEven(hn::BitCast(D16(), hn::ConvertTo(d, odd)), hn::BitCast(D16(), low));
}

void expand_s8(const ExpandBlocks& work) noexcept {
  const hn::RebindToSigned<D16> d16;
  const hn::Rebind<int8_t, decltype(d16)> d8;
  const auto* codes = reinterpret_cast<const int8_t*>(work.codes);
  const int64_t elements = work.blocks * kPanelDepth * work.columns;
  for (int64_t e = 0; e < elements; e += 2 * kLanes) {
    hwy::Prefetch(codes + e + kFetchAhead);
    const auto pairs = hn::BitCast(DI(), hn::PromoteTo(d16, hn::LoadU(d8, codes + e)));
    const auto even = hn::ShiftRight<16>(hn::ShiftLeft<16>(pairs));
    hn::Store(exact_pairs(even, hn::ShiftRight<16>(pairs)), D16(), work.dst + e);
  }
}

// ---- s4 ----

/// The nearest bf16, ties to even, in the upper half of each lane; for finite values.
HWY_INLINE hn::Vec<DU> rounded(VF v) {
  const DU du;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  return hn::Add(hn::Add(bits, hn::Set(du, 0x7fffu)), odd);
}

HWY_INLINE VF load_scales(const ExpandBlocks& work, int64_t at) {
  const DF d;
  if (!work.half_scales) return hn::LoadU(d, static_cast<const float*>(work.scales) + at);
  const hn::Rebind<hwy::float16_t, DF> d16;
  return hn::PromoteTo(d, hn::LoadU(d16, static_cast<const hwy::float16_t*>(work.scales) + at));
}

/// The scales of one block by slot; from one run of codes to the next they are the same.
HWY_INLINE void find_slot_scales(const ExpandBlocks& work, int64_t block, float* slots) {
  const DF d;
  HWY_ALIGN float columns[kPanelColumns];
  const int64_t row = (work.first + block) / work.scale_blocks * work.columns;
  for (int c = 0; c < work.columns; c += kLanes) {
    hn::Store(load_scales(work, row + c), d, columns + c);
  }
  if (work.group == 2) {
    for (int s = 0; s < kRunSlots; s += kLanes) {
      hn::Store(hn::Load(d, columns + s % kPanelColumns), d, slots + s);
    }
    return;
  }
  const int of_column = work.group / 2, period = work.columns * of_column;
  for (int s = 0; s < kRunSlots; ++s) slots[s] = columns[s % period / of_column];
}

/// One vector of slots of the four that a vector of words has.
template <int kPart>
HWY_INLINE void expand_words(VI words, const float* slots, uint16_t* dst) {
  const DF d;
  const VF scale = hn::Load(d, slots + kPart * kSlots);
  const VI even = hn::ShiftRight<28>(hn::ShiftLeft<28 - 8 * kPart>(words));
  const VI odd = hn::ShiftRight<28>(hn::ShiftLeft<24 - 8 * kPart>(words));
  const auto low = hn::ShiftRight<16>(rounded(hn::Mul(hn::ConvertTo(d, even), scale)));
  const auto high = rounded(hn::Mul(hn::ConvertTo(d, odd), scale));
  hn::Store(hn::OddEven(hn::BitCast(D16(), high), hn::BitCast(D16(), low)), D16(),
            dst + kPart * 2 * kSlots);
}

void expand_s4(const ExpandBlocks& work) noexcept {
  HWY_ALIGN float slots[kRunSlots];
  const uint8_t* codes = work.codes;
  uint16_t* dst = work.dst;
  const int64_t runs = kPanelDepth * work.columns / kRunElements;
  for (int64_t block = 0; block < work.blocks; ++block) {
    find_slot_scales(work, block, slots);
    for (int64_t run = 0; run < runs; ++run, codes += kRunElements / 2, dst += kRunElements) {
      hwy::Prefetch(codes + kFetchAhead);
      for (int i = 0; i < kSlots; i += kLanes) {
        const VI words = hn::BitCast(DI(), hn::LoadU(D8(), codes + i * 4));
        expand_words<0>(words, slots + i, dst + 2 * i);
        expand_words<1>(words, slots + i, dst + 2 * i);
        expand_words<2>(words, slots + i, dst + 2 * i);
        expand_words<3>(words, slots + i, dst + 2 * i);
      }
    }
  }
}

// ---- Palettes ----

/// Sixteen bf16 values, their lower and their upper bytes in a vector each.
struct Quarter {
  hn::Vec<D8> low, high;

  HWY_INLINE explicit Quarter(const uint16_t* table) {
    HWY_ALIGN uint8_t low_bytes[16];
    HWY_ALIGN uint8_t high_bytes[16];
    for (int i = 0; i < 16; ++i) {
      low_bytes[i] = static_cast<uint8_t>(table[i]);
      high_bytes[i] = static_cast<uint8_t>(table[i] >> 8);
    }
    low = hn::LoadDup128(D8(), low_bytes);
    high = hn::LoadDup128(D8(), high_bytes);
  }

  /// codes: 0 to 15 in each lane. A byte of an index with its highest bit set gives zero.
  HWY_INLINE V16 operator[](V16 codes) const {
    const D16 d;
    const auto for_low = hn::BitCast(D8(), hn::Or(codes, hn::Set(d, uint16_t{0x8000})));
    const auto for_high =
        hn::BitCast(D8(), hn::Or(hn::ShiftLeft<8>(codes), hn::Set(d, uint16_t{0x0080})));
    return hn::Or(hn::BitCast(d, hn::TableLookupBytesOr0(low, for_low)),
                  hn::BitCast(d, hn::TableLookupBytesOr0(high, for_high)));
  }
};

/// A table of 2^kBits values: the lower four bits of a code look up, the others choose a quarter.
template <int kBits>
HWY_INLINE V16 look_up(const Quarter* quarters, V16 low_bits, const uint8_t* bit4,
                       const uint8_t* bit5) {
  const D16 d;
  V16 found = quarters[0][low_bits];
  if constexpr (kBits > 4) {
    const auto second = hn::LoadMaskBits(d, bit4);
    found = hn::IfThenElse(second, quarters[1][low_bits], found);
    if constexpr (kBits > 5) {
      const V16 upper = hn::IfThenElse(second, quarters[3][low_bits], quarters[2][low_bits]);
      found = hn::IfThenElse(hn::LoadMaskBits(d, bit5), upper, found);
    }
  }
  return found;
}

/// A quarter of every run: one table serves it, which stays in registers.
template <int kBits, int kPart>
HWY_NOINLINE void expand_part(const ExpandBlocks& work) {
  const D16 d;
  constexpr int kQuarters = 1 << (kBits - 4);
  constexpr int64_t kPlaneBytes = kRunElements / 8;
  const uint16_t* table = work.tables + (kPart % work.table_count << kBits);
  // Those that a code of kBits has not are never looked at.
  const Quarter quarters[4] = {Quarter(table), Quarter(table + 1 % kQuarters * 16),
                               Quarter(table + 2 % kQuarters * 16),
                               Quarter(table + 3 % kQuarters * 16)};
  const int64_t runs = work.blocks * kPanelDepth * work.columns / kRunElements;
  const uint8_t* codes = work.codes;
  uint16_t* dst = work.dst + kPart * 2 * kSlots;
  for (int64_t run = 0; run < runs; ++run, dst += kRunElements) {
    if constexpr (kPart == 0) hwy::Prefetch(codes + kFetchAhead);
    const uint8_t* bit4 = codes + kRunElements / 2 + kPart * 4;
    for (int i = 0; i < 2 * kSlots; i += 2 * kLanes) {
      const V16 words = hn::BitCast(d, hn::LoadU(D8(), codes + i * 2));
      const V16 low_bits = hn::And(hn::ShiftRight<4 * kPart>(words), hn::Set(d, uint16_t{15}));
      const V16 values =
          look_up<kBits>(quarters, low_bits, bit4 + i / 8, bit4 + kPlaneBytes + i / 8);
      hn::Store(values, d, dst + i);
    }
    codes += kRunElements / 2 + (kBits - 4) * kPlaneBytes;
  }
}

template <int kBits>
void expand_codes(const ExpandBlocks& work) {
  expand_part<kBits, 0>(work);
  expand_part<kBits, 1>(work);
  expand_part<kBits, 2>(work);
  expand_part<kBits, 3>(work);
}

void expand_palette(const ExpandBlocks& work) noexcept {
  switch (work.bits) {
    case 4:
      return expand_codes<4>(work);
    case 5:
      return expand_codes<5>(work);
    default:
      return expand_codes<6>(work);
  }
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<ExpandFunction> expand_s8_variants() {
  return EF_HIGHWAY_VARIANTS(ExpandFunction, expand_s8);
}

HighwayVariants<ExpandFunction> expand_s4_variants() {
  return EF_HIGHWAY_VARIANTS(ExpandFunction, expand_s4);
}

HighwayVariants<ExpandFunction> expand_palette_variants() {
  return EF_HIGHWAY_VARIANTS(ExpandFunction, expand_palette);
}

}  // namespace edgefusion::kernels
#endif
