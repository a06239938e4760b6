#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "core/shape.h"
#include "graph/graph.h"

namespace edgefusion::train {

/// A network that tells real pictures from restored ones patch by patch (Isola et al. 2017, with
/// SiLU and without norms): input "image" [N,H,W,3], output "verdict" [N,H/8,W/8,1].
Result<graph::Graph> build_patch_critic(int64_t batch, int64_t size);

/// Its inner values, for the feature term.
const std::vector<std::string>& patch_critic_features();

}  // namespace edgefusion::train
