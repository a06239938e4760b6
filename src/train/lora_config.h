#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace edgefusion::train {

/// Low-rank adaptation (Hu et al. 2021): a layer's weight W stays, W + alpha/rank B A is used, and
/// only A [rank,in,...] and B [out,rank,...] are trained.
struct LoraConfig {
  int64_t rank = 0;  ///< 0: none
  double alpha = 0;  ///< 0: the rank, so that nothing is scaled
  /// Layers whose name ends so, at a dot: those of attention, as diffusers' own scripts take.
  std::vector<std::string> targets = {"to_q", "to_k", "to_v", "to_out.0"};

  double scale() const { return alpha > 0 ? alpha / static_cast<double>(rank) : 1.0; }
};

}  // namespace edgefusion::train
