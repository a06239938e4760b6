#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/cpu_features.h"
#include "kernels/registry.h"

namespace edgefusion::kernels {

/// Does nothing but multiply and add in registers: what no kernel of the same instruction set can
/// beat. Benchmarks divide by it.
struct PeakRow {
  std::string_view name;
  IsaSet needs;
  /// Runs `rounds` rounds of products; returns how many multiply-accumulates that were.
  int64_t (*run)(int64_t rounds) noexcept = nullptr;
};

/// Best first, plain C++ last.
std::span<const PeakRow> peak_f32_table();
const PeakRow& select_peak_f32(IsaSet isa);

}  // namespace edgefusion::kernels
