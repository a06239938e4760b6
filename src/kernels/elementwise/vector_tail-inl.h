// Loads and stores of fewer elements than a vector holds, without touching memory beyond them (the
// masked loads of SSE4 and NEON would). Include it as exp-inl.h.

#if defined(EF_KERNELS_VECTOR_TAIL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EF_KERNELS_VECTOR_TAIL_INL_H_
#undef EF_KERNELS_VECTOR_TAIL_INL_H_
#else
#define EF_KERNELS_VECTOR_TAIL_INL_H_
#endif

#include <cstring>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

/// src[0:count], then zeros; count < Lanes(d).
template <class D, typename T = hwy::HWY_NAMESPACE::TFromD<D>>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> load_some(D d, const T* src, size_t count) {
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)] = {};
  std::memcpy(lanes, src, count * sizeof(T));
  return hwy::HWY_NAMESPACE::Load(d, lanes);
}

/// Writes the first `count` lanes; count < Lanes(d).
template <class D, typename T = hwy::HWY_NAMESPACE::TFromD<D>>
HWY_INLINE void store_some(hwy::HWY_NAMESPACE::Vec<D> v, D d, T* dst, size_t count) {
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)];
  hwy::HWY_NAMESPACE::Store(v, d, lanes);
  std::memcpy(dst, lanes, count * sizeof(T));
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
