#pragma once

#include <cstdint>

#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "models/image_tower_config.h"

namespace edgefusion::models {

// Beside the tower an ImageTextModel has two tensors, which are used outside of graphs.
inline constexpr const char* kTextProjection = "text_projection.weight";  ///< [E,T], no bias
/// [1]: logarithm of what cosines are multiplied with before a softmax over them (as in CLIP).
inline constexpr const char* kLogitScale = "logit_scale";

/// Image half of a small image-text model: a stem and residual stages, each at half the size of
/// what comes before it, and attention pooling: a learned query reads all positions of the last
/// map (Lee et al. 2019, Set Transformer; the pooling head of CLIP's residual networks). Pooling
/// needs no op of its own that way, so whatever reads graphs reads this one.
///
/// Input: image [N,S,S,3], -1 to 1, S = config.image_size. Outputs: features [N,C], C the last
/// width; image_embeds [N,E], their projection into the space shared with texts (not of length 1).
/// Errors: invalid_argument for a batch out of range; one error that lists every missing,
/// misshapen or unused tensor.
Result<graph::Graph> build_image_tower(const ImageTowerConfig& config, int64_t batch,
                                       const TensorSource* weights);

}  // namespace edgefusion::models
