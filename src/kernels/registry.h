#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/cpu_features.h"

namespace edgefusion::kernels {

/// One kernel of this build, for `edgefusion kernels`.
struct KernelInfo {
  std::string family;   ///< "gemm"
  std::string variant;  ///< what rows compete for: "f32 x f16 -> f32"; may be empty
  std::string name;     ///< "gemm_f32f16f32_12x32_avx512"
  IsaSet needs;
  bool usable = false;  ///< the given IsaSet has all it needs
  bool chosen = false;  ///< usable, and the best of its family and variant
};

/// Every kernel of every family, best first within a family and variant.
std::vector<KernelInfo> list_kernels(IsaSet isa);

/// Appends one family's rows, which stand best first: the first usable one is the chosen one.
/// Row needs members `name` and `needs`.
template <class Row>
void append_kernels(std::string_view family, std::string_view variant, std::span<const Row> rows,
                    IsaSet isa, std::vector<KernelInfo>& out) {
  bool found = false;
  for (const Row& row : rows) {
    const bool usable = isa.contains(row.needs);
    out.push_back({std::string(family), std::string(variant), std::string(row.name), row.needs,
                   usable, usable && !found});
    found = found || usable;
  }
}

}  // namespace edgefusion::kernels
