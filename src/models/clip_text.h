#pragma once

#include <cstdint>

#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "models/clip_text_config.h"

namespace edgefusion::models {

struct ClipTextShape {
  int64_t batch = 1;
  int64_t tokens = 77;
  /// Text states are taken this many layers before the last one (final layer norm applied), as
  /// diffusers' clip_skip. The pooled projection always comes from the last layer.
  int clip_skip = 0;
  bool pooled_output = false;  ///< also give pooler_output, the last state of the end token
};

/// CLIP's text encoder (Radford et al. 2021; transformers CLIPTextModel and
/// CLIPTextModelWithProjection). Input: input_ids [N,T] i32. Outputs: last_hidden_state [N,T,C];
/// pooler_output [N,C] if asked for; with a projection, text_embeds [N,P]. Accepts files with and
/// without the key prefix "text_model."; built without weights, names carry it. Errors:
/// invalid_argument for sizes out of range; one error that lists every missing, misshapen or unused
/// tensor.
Result<graph::Graph> build_clip_text(const ClipTextConfig& config, const ClipTextShape& shape,
                                     const TensorSource* weights);

}  // namespace edgefusion::models
