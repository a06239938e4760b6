#include <vector>

#include "kernels/dtype_table.h"
#include "kernels/quantize/quantize_rows.h"

namespace edgefusion::kernels {
namespace {

using Variants = HighwayVariants<QuantizeFunctionsFor>;

struct Target {
  const char* f32_name;
  const char* bf16_name;
  IsaSet needs;
  QuantizeFunctionsFor Variants::*variant;
};

constexpr Target kTargets[] = {
    {"quantize_f32_avx512", "quantize_bf16_avx512", Isa::avx512, &Variants::avx512},
    {"quantize_f32_avx2", "quantize_bf16_avx2", Isa::avx2, &Variants::avx2},
    {"quantize_f32_sse4", "quantize_bf16_sse4", Isa::sse4, &Variants::sse4},
    {"quantize_f32_neon", "quantize_bf16_neon", Isa::neon, &Variants::neon},
};

QuantizeKernels make_row(const char* name, DType dtype, IsaSet needs,
                         const QuantizeFunctions& functions) {
  return {name, dtype, needs, functions.quantize, functions.dequantize};
}

std::vector<QuantizeKernels> make_table() {
  std::vector<QuantizeKernels> table;
  const Variants variants = quantize_variants();
  for (const DType dtype : kActivationTypes) {
    const bool bf16 = dtype == DType::bf16;
    for (const Target& target : kTargets) {
      const auto functions = variants.*target.variant;
      if (functions == nullptr) continue;
      table.push_back(make_row(bf16 ? target.bf16_name : target.f32_name, dtype, target.needs,
                               functions(dtype)));
    }
    table.push_back(make_row(bf16 ? "quantize_bf16_scalar" : "quantize_f32_scalar", dtype, IsaSet(),
                             quantize_functions_scalar(dtype)));
  }
  return table;
}

}  // namespace

std::span<const QuantizeKernels> quantize_kernels() {
  static const std::vector<QuantizeKernels> table = make_table();
  return table;
}

const QuantizeKernels& select_quantize(IsaSet isa, DType dtype) {
  return select_by_dtype(quantize_kernels(), isa, dtype);
}

void list_quantize_kernels(IsaSet isa, std::vector<KernelInfo>& out) {
  append_by_dtype("quantize", quantize_kernels(), isa, out);
}

}  // namespace edgefusion::kernels
