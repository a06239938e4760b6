#include <vector>

#include "kernels/dtype_table.h"
#include "kernels/norm/norm_rows.h"

namespace edgefusion::kernels {
namespace {

using Variants = HighwayVariants<NormFunctionsFor>;

struct Target {
  const char* f32_name;
  const char* bf16_name;
  IsaSet needs;
  NormFunctionsFor Variants::*variant;
};

constexpr Target kTargets[] = {
    {"norm_f32_avx512", "norm_bf16_avx512", Isa::avx512, &Variants::avx512},
    {"norm_f32_avx2", "norm_bf16_avx2", Isa::avx2, &Variants::avx2},
    {"norm_f32_sse4", "norm_bf16_sse4", Isa::sse4, &Variants::sse4},
    {"norm_f32_neon", "norm_bf16_neon", Isa::neon, &Variants::neon},
};

NormKernels make_row(const char* name, DType dtype, IsaSet needs, const NormFunctions& functions) {
  return {name,
          dtype,
          needs,
          functions.moments,
          group_norm_merge,
          functions.apply,
          functions.layer_norm};
}

std::vector<NormKernels> make_table() {
  std::vector<NormKernels> table;
  const Variants variants = norm_variants();
  for (const DType dtype : kActivationTypes) {
    const bool bf16 = dtype == DType::bf16;
    for (const Target& target : kTargets) {
      const auto functions = variants.*target.variant;
      if (functions == nullptr) continue;
      table.push_back(make_row(bf16 ? target.bf16_name : target.f32_name, dtype, target.needs,
                               functions(dtype)));
    }
    table.push_back(make_row(bf16 ? "norm_bf16_scalar" : "norm_f32_scalar", dtype, IsaSet(),
                             norm_functions_scalar(dtype)));
  }
  return table;
}

}  // namespace

std::span<const NormKernels> norm_kernels() {
  static const std::vector<NormKernels> table = make_table();
  return table;
}

const NormKernels& select_norm(IsaSet isa, DType dtype) {
  return select_by_dtype(norm_kernels(), isa, dtype);
}

void list_norm_kernels(IsaSet isa, std::vector<KernelInfo>& out) {
  append_by_dtype("norm", norm_kernels(), isa, out);
}

}  // namespace edgefusion::kernels
