#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "graph/graph.h"
#include "train/noise_levels.h"
#include "train/parameters.h"

namespace edgefusion::train {

/// Tells latents of pictures from those that a few-step student makes, by what the frozen teacher
/// sees in both once they are noised alike (Sauer et al. 2024, arXiv 2403.12015): small heads judge
/// the values behind its down stages, patch by patch.
class LatentCritic {
 public:
  LatentCritic() = default;
  /// teacher: a U-Net's graph and its frozen weights; both must outlive this.
  static Result<LatentCritic> make(const graph::Graph& teacher, const Parameters& weights);

  /// Heads that have learned nothing yet.
  Parameters first_heads(uint64_t seed) const;

  /// What the teacher is shown: noise for the latents, its level [N], the captions' states.
  struct View {
    const at::Tensor &noise, &t, &states;
  };
  /// Of each head [N,h,w,1], above 0: of pictures. Gradients go into latents and heads.
  std::vector<at::Tensor> verdicts(const Parameters& heads, const at::Tensor& latents,
                                   const View& view, const NoiseLevels& levels) const;

 private:
  const graph::Graph* teacher_ = nullptr;
  const Parameters* weights_ = nullptr;
  std::vector<std::string> taps_;
  graph::Graph heads_;
};

}  // namespace edgefusion::train
