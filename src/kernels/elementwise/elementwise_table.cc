#include <vector>

#include "kernels/dtype_table.h"
#include "kernels/elementwise/elementwise_rows.h"

namespace edgefusion::kernels {
namespace {

using Variants = HighwayVariants<ElementwiseFunctions>;

struct Target {
  const char* f32_name;
  const char* bf16_name;
  IsaSet needs;
  ElementwiseFunctions Variants::*variant;
};

constexpr Target kTargets[] = {
    {"elementwise_f32_avx512", "elementwise_bf16_avx512", Isa::avx512, &Variants::avx512},
    {"elementwise_f32_avx2", "elementwise_bf16_avx2", Isa::avx2, &Variants::avx2},
    {"elementwise_f32_sse4", "elementwise_bf16_sse4", Isa::sse4, &Variants::sse4},
    {"elementwise_f32_neon", "elementwise_bf16_neon", Isa::neon, &Variants::neon},
};

ElementwiseKernels named(ElementwiseKernels row, const char* name, IsaSet needs) {
  row.name = name;
  row.needs = needs;
  return row;
}

std::vector<ElementwiseKernels> make_table() {
  std::vector<ElementwiseKernels> table;
  const Variants variants = elementwise_variants();
  for (const DType dtype : kActivationTypes) {
    const bool bf16 = dtype == DType::bf16;
    for (const Target& target : kTargets) {
      const ElementwiseFunctions functions = variants.*target.variant;
      if (functions == nullptr) continue;
      table.push_back(
          named(functions(dtype), bf16 ? target.bf16_name : target.f32_name, target.needs));
    }
    table.push_back(named(elementwise_scalar(dtype),
                          bf16 ? "elementwise_bf16_scalar" : "elementwise_f32_scalar", IsaSet()));
  }
  return table;
}

}  // namespace

std::span<const ElementwiseKernels> elementwise_kernels() {
  static const std::vector<ElementwiseKernels> table = make_table();
  return table;
}

const ElementwiseKernels& select_elementwise(IsaSet isa, DType dtype) {
  return select_by_dtype(elementwise_kernels(), isa, dtype);
}

void list_elementwise_kernels(IsaSet isa, std::vector<KernelInfo>& out) {
  append_by_dtype("elementwise", elementwise_kernels(), isa, out);
}

}  // namespace edgefusion::kernels
