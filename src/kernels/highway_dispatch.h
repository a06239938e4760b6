#pragma once

// How a family written once in Highway is chosen for an IsaSet, without Highway's global state.
// Include this before any Highway header: it limits the targets that are compiled.
//
//   #include "kernels/highway_dispatch.h"
//   #undef HWY_TARGET_INCLUDE
//   #define HWY_TARGET_INCLUDE "kernels/norm/norm_highway.cc"   // this very file
//   #include "hwy/foreach_target.h"
//   #include "hwy/highway.h"
//
//   HWY_BEFORE_NAMESPACE();
//   namespace edgefusion::kernels::HWY_NAMESPACE {
//   void scale(const float* src, float* dst, size_t count) noexcept { ... }
//   }  // namespace
//   HWY_AFTER_NAMESPACE();
//
//   #if HWY_ONCE
//   namespace edgefusion::kernels {
//   HighwayVariants<ScaleFunction> scale_variants() {
//     return EF_HIGHWAY_VARIANTS(ScaleFunction, scale);
//   }
//   }
//   #endif
//
// A table then makes one row of every variant that is not null (kHighwayTargets has their needs),
// and the scalar reference, plain C++ in a file of its own, ends the table.

#include <array>
#include <string_view>

#include "core/cpu_features.h"

// What remains is one target for each Isa of ours that has vectors of its own.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#endif

/// True while the file is compiled for no vectors at all. Nothing of ours runs that code (the
/// scalar reference does), so its bodies may be left out with #if to save build time.
#define EF_HIGHWAY_IS_FALLBACK (HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128)

namespace edgefusion::kernels {

/// One function compiled for several targets; null where a target is not part of this build.
template <class Function>
struct HighwayVariants {
  Function sse4 = nullptr;
  Function avx2 = nullptr;
  Function avx512 = nullptr;
  Function neon = nullptr;

  /// The best variant that `isa` allows; null if none: take the scalar reference then.
  constexpr Function best(IsaSet isa) const {
    if (avx512 != nullptr && isa.has(Isa::avx512)) return avx512;
    if (avx2 != nullptr && isa.has(Isa::avx2)) return avx2;
    if (sse4 != nullptr && isa.has(Isa::sse4)) return sse4;
    if (neon != nullptr && isa.has(Isa::neon)) return neon;
    return nullptr;
  }
};

/// The targets, best first, for tables that make a row of each.
template <class Function>
struct HighwayTarget {
  std::string_view name;
  IsaSet needs;
  Function HighwayVariants<Function>::*variant;
};

template <class Function>
inline constexpr std::array<HighwayTarget<Function>, 4> kHighwayTargets = {{
    {"avx512", Isa::avx512, &HighwayVariants<Function>::avx512},
    {"avx2", Isa::avx2, &HighwayVariants<Function>::avx2},
    {"sse4", Isa::sse4, &HighwayVariants<Function>::sse4},
    {"neon", Isa::neon, &HighwayVariants<Function>::neon},
}};

}  // namespace edgefusion::kernels

/// All compiled variants of FUNCTION (a function in the current namespace's HWY_NAMESPACE, of
/// pointer type TYPE). Use after #if HWY_ONCE.
#define EF_HIGHWAY_VARIANTS(TYPE, FUNCTION)                                          \
  ::edgefusion::kernels::HighwayVariants<TYPE> {                                     \
    HWY_CHOOSE_SSE4(FUNCTION), HWY_CHOOSE_AVX2(FUNCTION), HWY_CHOOSE_AVX3(FUNCTION), \
        HWY_CHOOSE_NEON(FUNCTION)                                                    \
  }
