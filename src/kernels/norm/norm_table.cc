#include <vector>

#include "kernels/norm/norm_rows.h"
#include "kernels/registry.h"

namespace edgefusion::kernels {
namespace {

using Variants = HighwayVariants<NormFunctions (*)()>;

constexpr HighwayTarget<NormFunctions (*)()> kTargets[] = {
    {"norm_f32_avx512", Isa::avx512, &Variants::avx512},
    {"norm_f32_avx2", Isa::avx2, &Variants::avx2},
    {"norm_f32_sse4", Isa::sse4, &Variants::sse4},
    {"norm_f32_neon", Isa::neon, &Variants::neon},
};

NormKernels make_row(const char* name, IsaSet needs, const NormFunctions& functions) {
  return {name, needs, functions.moments, group_norm_merge, functions.apply, functions.layer_norm};
}

std::vector<NormKernels> make_table() {
  std::vector<NormKernels> table;
  const Variants variants = norm_variants();
  for (const auto& target : kTargets) {
    const auto functions = variants.*target.variant;
    if (functions != nullptr) {
      table.push_back(make_row(target.name.data(), target.needs, functions()));
    }
  }
  table.push_back(make_row("norm_f32_scalar", IsaSet(), norm_functions_scalar()));
  return table;
}

}  // namespace

std::span<const NormKernels> norm_kernels() {
  static const std::vector<NormKernels> table = make_table();
  return table;
}

const NormKernels& select_norm(IsaSet isa) {
  const std::span<const NormKernels> table = norm_kernels();
  for (const NormKernels& row : table) {
    if (isa.contains(row.needs)) return row;
  }
  return table.back();
}

void list_norm_kernels(IsaSet isa, std::vector<KernelInfo>& out) {
  append_kernels("norm", "f32", norm_kernels(), isa, out);
}

}  // namespace edgefusion::kernels
