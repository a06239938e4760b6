#include "kernels/highway_dispatch.h"
#include "kernels/norm/norm_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm/norm_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// In this order: the first says what the others build on.
#include "kernels/norm/group_norm_moments-inl.h"
//
#include "kernels/norm/norm_results-inl.h"
//
#include "kernels/norm/group_norm_apply-inl.h"
#include "kernels/norm/layer_norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK

NormFunctions norm_functions(DType dtype) {
  if (dtype == DType::bf16) {
    return {group_norm_moments<Bf16>, group_norm_apply<Bf16>, layer_norm<Bf16>};
  }
  return {group_norm_moments<float>, group_norm_apply<float>, layer_norm<float>};
}

#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<NormFunctionsFor> norm_variants() {
  return EF_HIGHWAY_VARIANTS(NormFunctionsFor, norm_functions);
}

}  // namespace edgefusion::kernels
#endif  // HWY_ONCE
