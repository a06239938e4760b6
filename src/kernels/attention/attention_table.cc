#include <algorithm>
#include <vector>

#include "kernels/attention/attention_rows.h"
#include "kernels/registry.h"

namespace edgefusion::kernels {
namespace {

/// A variant of the code written once in Highway, under its name for either dtype.
struct HighwayRow {
  const char* f32_name;
  const char* bf16_name;
  IsaSet needs;
  AttentionFunctions (*AttentionVariants::*variant)(DType);
};

constexpr HighwayRow kHighwayRows[] = {
    {"attention_f32_avx512", "attention_bf16_avx512", Isa::avx512, &AttentionVariants::avx512},
    {"attention_f32_avx2", "attention_bf16_avx2", Isa::avx2, &AttentionVariants::avx2},
    {"attention_f32_sse4", "attention_bf16_sse4", Isa::sse4, &AttentionVariants::sse4},
    {"attention_f32_neon", "attention_bf16_neon", Isa::neon, &AttentionVariants::neon},
};

/// Rows of matrix instructions on bf16, best first.
struct MatrixRow {
  const char* name;
  IsaSet needs;
  AttentionFunctions (*functions)();
};

constexpr MatrixRow kMatrixRows[] = {
#if defined(__x86_64__)
    {"attention_bf16_64_amx_bf16", IsaSet(Isa::avx512) | Isa::avx512_bf16 | Isa::amx_bf16,
     attention_bf16_64_amx_bf16},
    {"attention_bf16_64_avx512_bf16", IsaSet(Isa::avx512) | Isa::avx512_bf16,
     attention_bf16_64_avx512_bf16},
#elif defined(__aarch64__)
    {"attention_bf16_64_neon_bf16", IsaSet(Isa::neon) | Isa::neon_bf16,
     attention_bf16_64_neon_bf16},
#endif
};

constexpr MatrixRow kInt8Rows[] = {
#if defined(__x86_64__)
    {"attention_int8_64_avx512_vnni", IsaSet(Isa::avx512) | Isa::avx512_vnni,
     attention_int8_64_avx512_vnni},
    {"attention_int8_64_avx2", Isa::avx2, attention_int8_64_avx2},
#elif defined(__aarch64__)
    {"attention_int8_64_neon_dot", IsaSet(Isa::neon) | Isa::neon_dot, attention_int8_64_neon_dot},
    {"attention_int8_64_neon", Isa::neon, attention_int8_64_neon},
#endif
    {"attention_int8_scalar", IsaSet(), attention_int8_functions_scalar},
};

AttentionKernel make_row(const char* name, IsaSet needs, DType dtype,
                         const AttentionFunctions& functions,
                         AttentionArithmetic arithmetic = AttentionArithmetic::float_rows) {
  return {
      name, needs, dtype, arithmetic, functions.scratch_floats, functions.run, functions.row_tile};
}

void add_rows(DType dtype, std::vector<AttentionKernel>& table) {
  const bool bf16 = dtype == DType::bf16;
  const AttentionVariants variants = attention_variants();
  for (const HighwayRow& row : kHighwayRows) {
    const auto functions = variants.*row.variant;
    if (functions == nullptr) continue;  // not in this build
    table.push_back(
        make_row(bf16 ? row.bf16_name : row.f32_name, row.needs, dtype, functions(dtype)));
  }
  table.push_back(make_row(bf16 ? "attention_bf16_scalar" : "attention_f32_scalar", IsaSet(), dtype,
                           attention_functions_scalar(dtype)));
}

std::vector<AttentionKernel> make_table() {
  std::vector<AttentionKernel> table;
  add_rows(DType::f32, table);
  for (const MatrixRow& row : kMatrixRows) {
    table.push_back(make_row(row.name, row.needs, DType::bf16, row.functions()));
  }
  add_rows(DType::bf16, table);
  for (const MatrixRow& row : kInt8Rows) {
    table.push_back(
        make_row(row.name, row.needs, DType::bf16, row.functions(), AttentionArithmetic::int8));
  }
  return table;
}

}  // namespace

std::span<const AttentionKernel> attention_kernels() {
  static const std::vector<AttentionKernel> table = make_table();
  return table;
}

std::span<const AttentionKernel> attention_kernels(DType dtype, AttentionArithmetic arithmetic) {
  const std::span<const AttentionKernel> table = attention_kernels();
  const auto same = [&](const AttentionKernel& row) {
    return row.dtype == dtype && row.arithmetic == arithmetic;
  };
  const auto begin = std::find_if(table.begin(), table.end(), same);
  return {begin, std::find_if_not(begin, table.end(), same)};
}

const AttentionKernel& select_attention(IsaSet isa, DType dtype, AttentionArithmetic arithmetic) {
  const std::span<const AttentionKernel> rows = attention_kernels(dtype, arithmetic);
  for (const AttentionKernel& row : rows) {
    if (isa.contains(row.needs)) return row;
  }
  return rows.back();
}

void list_attention_kernels(IsaSet isa, std::vector<KernelInfo>& out) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    append_kernels("attention", to_string(dtype), attention_kernels(dtype), isa, out);
  }
  append_kernels("attention", "int8", attention_kernels(DType::bf16, AttentionArithmetic::int8),
                 isa, out);
}

}  // namespace edgefusion::kernels
