#include "models/clip_text.h"

#include <cmath>
#include <string>
#include <vector>

#include "graph/builder.h"
#include "models/size_limits.h"
#include "models/token_embedding.h"

namespace edgefusion::models {
namespace {

using graph::GraphBuilder;
using graph::ValueId;
using graph::WeightScope;

ValueId embeddings(GraphBuilder& g, const WeightScope& w, ValueId ids,
                   const ClipTextConfig& config) {
  const ValueId tokens = g.embedding(ids, w / "token_embedding", config.vocab_size, config.width);
  const ValueId positions = position_embedding(g, w / "position_embedding", g.shape(ids)[1],
                                               {config.max_tokens, config.width});
  return g.name(g.add(tokens, positions), w);
}

ValueId self_attention(GraphBuilder& g, const WeightScope& w, ValueId x,
                       const ClipTextConfig& config) {
  const ValueId q = g.linear(x, w / "q_proj", config.width);
  const ValueId k = g.linear(x, w / "k_proj", config.width);
  const ValueId v = g.linear(x, w / "v_proj", config.width);
  const float head_width = static_cast<float>(config.width / config.heads);
  const ValueId mixed =
      g.attention({.q = q, .k = k, .v = v},
                  {.heads = config.heads, .scale = 1.0f / std::sqrt(head_width), .causal = true});
  return g.name(g.linear(mixed, w / "out_proj", config.width), w);
}

ValueId mlp(GraphBuilder& g, const WeightScope& w, ValueId x, const ClipTextConfig& config) {
  ValueId h = g.linear(x, w / "fc1", config.inner_width);
  h = g.activation(h, config.activation);
  return g.name(g.linear(h, w / "fc2", config.width), w);
}

/// x [N,T,C] -> same; norms before, residuals around.
ValueId encoder_layer(GraphBuilder& g, const WeightScope& w, ValueId x,
                      const ClipTextConfig& config) {
  ValueId h = g.layer_norm(x, w / "layer_norm1", config.layer_norm_eps);
  x = g.add(self_attention(g, w / "self_attn", h, config), x);
  h = g.layer_norm(x, w / "layer_norm2", config.layer_norm_eps);
  return g.name(g.add(mlp(g, w / "mlp", h, config), x), w);
}

Status check_shape(const ClipTextConfig& config, const ClipTextShape& shape) {
  EF_TRY_STATUS(check_batch(shape.batch));
  EF_TRY_STATUS(check_tokens(shape.tokens, config.max_tokens));
  if (shape.clip_skip >= 0 && shape.clip_skip < config.layers) return {};
  return fail(ErrorCode::invalid_argument, "clip_skip: " + std::to_string(shape.clip_skip) +
                                               ", expected 0 to " +
                                               std::to_string(config.layers - 1));
}

}  // namespace

Result<graph::Graph> build_clip_text(const ClipTextConfig& config, const ClipTextShape& shape,
                                     const TensorSource* weights) {
  EF_TRY_STATUS(check_shape(config, shape));
  GraphBuilder g("text_encoder", weights);
  const WeightScope root, prefixed = root / "text_model";
  const bool bare = g.has_weight(root / "embeddings" / "token_embedding" / "weight");
  const WeightScope w = bare ? root : prefixed;

  const ValueId ids = g.input("input_ids", {shape.batch, shape.tokens}, DType::i32);
  ValueId x = embeddings(g, w / "embeddings", ids, config);
  ValueId states = x;
  for (int i = 0; i < config.layers; ++i) {
    x = encoder_layer(g, w / "encoder" / "layers" / i, x, config);
    if (i + 1 == config.layers - shape.clip_skip) states = x;
  }
  const WeightScope norm = w / "final_layer_norm";
  states = g.layer_norm(states, norm, config.layer_norm_eps);
  const ValueId last = shape.clip_skip == 0 ? states : g.layer_norm(x, norm, config.layer_norm_eps);
  const int32_t largest_id = -1;
  const ValueId pooled = g.select_token(
      last, ids, {.token_id = config.end_token == 2 ? largest_id : config.end_token});
  g.output("last_hidden_state", states);
  if (config.has_projection) {
    g.output("text_embeds", g.linear(pooled, root / "text_projection", config.projection_width,
                                     /*bias=*/false));
  }
  if (shape.pooled_output) g.output("pooler_output", pooled);
  // Buffers of old files, and the other half of a whole CLIP.
  EF_TRY(graph::Graph graph, g.finish({(w / "embeddings" / "position_ids").path(), "logit_scale",
                                       "text_projection.", "vision_model.", "visual_projection."}));
  graph.eliminate_dead_nodes();  // layers behind a clip_skip
  return graph;
}

}  // namespace edgefusion::models
