#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/cpu_features.h"
#include "core/dtype.h"
#include "kernels/registry.h"

namespace edgefusion::kernels {

/// Does nothing but multiply and add in registers: what no kernel of the same instruction set can
/// beat. Benchmarks divide by it.
struct PeakRow {
  std::string_view name;
  DType dtype = DType::f32;  ///< of the factors
  IsaSet needs;
  /// Runs `rounds` rounds of products; returns how many multiply-accumulates that were.
  int64_t (*run)(int64_t rounds) noexcept = nullptr;
};

/// Best first within a dtype, plain C++ last.
std::span<const PeakRow> peak_table();
/// The unit that products of `dtype` (f32, bf16, or u8 times s8) run on here; a CPU without such
/// products is measured by f32.
const PeakRow& select_peak(IsaSet isa, DType dtype);

}  // namespace edgefusion::kernels
