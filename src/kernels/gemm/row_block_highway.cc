// The innermost job of gemm and conv, written once for all vector ISAs.

#include <cstring>

#include "kernels/gemm/row_block.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/row_block_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#if !EF_HIGHWAY_IS_FALLBACK
#include "kernels/gemm/row_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

void row_block_f32(const RowBlock& block) noexcept { row_block<float>(block); }
void row_block_f16(const RowBlock& block) noexcept { row_block<hwy::float16_t>(block); }
void row_block_bf16(const RowBlock& block) noexcept { row_block<hwy::bfloat16_t>(block); }

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<RowBlockFunction> row_block_variants(DType weights) {
  if (weights == DType::f16) return EF_HIGHWAY_VARIANTS(RowBlockFunction, row_block_f16);
  if (weights == DType::bf16) return EF_HIGHWAY_VARIANTS(RowBlockFunction, row_block_bf16);
  return EF_HIGHWAY_VARIANTS(RowBlockFunction, row_block_f32);
}

}  // namespace edgefusion::kernels
#endif
