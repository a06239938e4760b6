#include <vector>

#include "kernels/attention/attention_rows.h"
#include "kernels/registry.h"

namespace edgefusion::kernels {
namespace {

using Variants = HighwayVariants<AttentionFunctions (*)()>;

constexpr HighwayTarget<AttentionFunctions (*)()> kTargets[] = {
    {"attention_f32_avx512", Isa::avx512, &Variants::avx512},
    {"attention_f32_avx2", Isa::avx2, &Variants::avx2},
    {"attention_f32_sse4", Isa::sse4, &Variants::sse4},
    {"attention_f32_neon", Isa::neon, &Variants::neon},
};

AttentionKernel make_row(const char* name, IsaSet needs, const AttentionFunctions& functions) {
  return {name, needs, functions.scratch_floats, functions.run, functions.row_tile};
}

std::vector<AttentionKernel> make_table() {
  std::vector<AttentionKernel> table;
  const Variants variants = attention_variants();
  for (const auto& target : kTargets) {
    const auto functions = variants.*target.variant;
    if (functions != nullptr) {
      table.push_back(make_row(target.name.data(), target.needs, functions()));
    }
  }
  table.push_back(make_row("attention_f32_scalar", IsaSet(), attention_functions_scalar()));
  return table;
}

}  // namespace

std::span<const AttentionKernel> attention_kernels() {
  static const std::vector<AttentionKernel> table = make_table();
  return table;
}

const AttentionKernel& select_attention(IsaSet isa) {
  const std::span<const AttentionKernel> table = attention_kernels();
  for (const AttentionKernel& row : table) {
    if (isa.contains(row.needs)) return row;
  }
  return table.back();
}

void list_attention_kernels(IsaSet isa, std::vector<KernelInfo>& out) {
  append_kernels("attention", "f32", attention_kernels(), isa, out);
}

}  // namespace edgefusion::kernels
