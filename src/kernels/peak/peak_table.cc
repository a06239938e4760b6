#include <vector>

#include "kernels/peak/peak.h"
#include "kernels/peak/peak_variants.h"

namespace edgefusion::kernels {
namespace {

int64_t peak_f32_scalar(int64_t rounds) noexcept {
  volatile float keep = 0;
  float a = 0, b = 0, c = 0, d = 0;
  for (int64_t round = 0; round < rounds; ++round) {
    a = a * 0.999f + 0.001f;
    b = b * 0.998f + 0.001f;
    c = c * 0.997f + 0.001f;
    d = d * 0.996f + 0.001f;
  }
  keep = a + b + c + d;
  return keep >= 0.0f ? rounds * 4 : 0;
}

std::vector<PeakRow> make_table() {
  std::vector<PeakRow> table;
#if defined(__x86_64__)
  table.push_back({"amx_bf16", DType::bf16, IsaSet(Isa::avx512) | Isa::amx_bf16, peak_bf16_amx});
  const IsaSet bf16 = IsaSet(Isa::avx512) | Isa::avx512_bf16;
  table.push_back({"avx512_bf16", DType::bf16, bf16, peak_bf16_avx512});
  table.push_back({"amx_int8", DType::u8, IsaSet(Isa::avx512) | Isa::amx_int8, peak_u8_amx});
  const IsaSet vnni = IsaSet(Isa::avx512) | Isa::avx512_vnni;
  table.push_back({"avx512_vnni", DType::u8, vnni, peak_u8_avx512_vnni});
#elif defined(__aarch64__)
  const IsaSet dot = IsaSet(Isa::neon) | Isa::neon_dot;
  table.push_back({"neon_dot", DType::u8, dot, peak_u8_neon_dot});
  const IsaSet bf16 = IsaSet(Isa::neon) | Isa::neon_bf16;
  table.push_back({"neon_bf16", DType::bf16, bf16, peak_bf16_neon});
#endif
  const HighwayVariants<PeakFunction> variants = peak_f32_variants();
  for (const auto& target : kHighwayTargets<PeakFunction>) {
    const PeakFunction run = variants.*target.variant;
    if (run != nullptr) table.push_back({target.name, DType::f32, target.needs, run});
  }
  table.push_back({"scalar", DType::f32, IsaSet(), peak_f32_scalar});
  return table;
}

}  // namespace

std::span<const PeakRow> peak_table() {
  static const std::vector<PeakRow> table = make_table();
  return table;
}

const PeakRow& select_peak(IsaSet isa, DType dtype) {
  const std::span<const PeakRow> table = peak_table();
  for (const DType wanted : {dtype, DType::f32}) {
    for (const PeakRow& row : table) {
      if (row.dtype == wanted && isa.contains(row.needs)) return row;
    }
  }
  return table.back();
}

}  // namespace edgefusion::kernels
