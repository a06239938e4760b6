#include <vector>

#include "kernels/elementwise/elementwise_rows.h"
#include "kernels/registry.h"

namespace edgefusion::kernels {
namespace {

using Variants = HighwayVariants<ElementwiseKernels (*)()>;

constexpr HighwayTarget<ElementwiseKernels (*)()> kTargets[] = {
    {"elementwise_f32_avx512", Isa::avx512, &Variants::avx512},
    {"elementwise_f32_avx2", Isa::avx2, &Variants::avx2},
    {"elementwise_f32_sse4", Isa::sse4, &Variants::sse4},
    {"elementwise_f32_neon", Isa::neon, &Variants::neon},
};

ElementwiseKernels named(ElementwiseKernels row, const char* name, IsaSet needs) {
  row.name = name;
  row.needs = needs;
  return row;
}

std::vector<ElementwiseKernels> make_table() {
  std::vector<ElementwiseKernels> table;
  const Variants variants = elementwise_variants();
  for (const auto& target : kTargets) {
    const auto functions = variants.*target.variant;
    if (functions != nullptr) {
      table.push_back(named(functions(), target.name.data(), target.needs));
    }
  }
  table.push_back(named(elementwise_scalar(), "elementwise_f32_scalar", IsaSet()));
  return table;
}

}  // namespace

std::span<const ElementwiseKernels> elementwise_kernels() {
  static const std::vector<ElementwiseKernels> table = make_table();
  return table;
}

const ElementwiseKernels& select_elementwise(IsaSet isa) {
  const std::span<const ElementwiseKernels> table = elementwise_kernels();
  for (const ElementwiseKernels& row : table) {
    if (isa.contains(row.needs)) return row;
  }
  return table.back();
}

void list_elementwise_kernels(IsaSet isa, std::vector<KernelInfo>& out) {
  append_kernels("elementwise", "f32", elementwise_kernels(), isa, out);
}

}  // namespace edgefusion::kernels
