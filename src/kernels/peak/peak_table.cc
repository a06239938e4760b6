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
  const HighwayVariants<PeakFunction> variants = peak_f32_variants();
  for (const auto& target : kHighwayTargets<PeakFunction>) {
    const PeakFunction run = variants.*target.variant;
    if (run != nullptr) table.push_back({target.name, target.needs, run});
  }
  table.push_back({"scalar", IsaSet(), peak_f32_scalar});
  return table;
}

}  // namespace

std::span<const PeakRow> peak_f32_table() {
  static const std::vector<PeakRow> table = make_table();
  return table;
}

const PeakRow& select_peak_f32(IsaSet isa) {
  const std::span<const PeakRow> table = peak_f32_table();
  for (const PeakRow& row : table) {
    if (isa.contains(row.needs)) return row;
  }
  return table.back();
}

}  // namespace edgefusion::kernels
