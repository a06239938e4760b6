#include "models/bert_text.h"

#include <cmath>
#include <string>

#include "graph/builder.h"
#include "models/size_limits.h"
#include "models/token_embedding.h"

namespace edgefusion::models {
namespace {

using graph::GraphBuilder;
using graph::ValueId;
using graph::WeightScope;

ValueId embeddings(GraphBuilder& g, const WeightScope& w, ValueId ids,
                   const BertTextConfig& config) {
  const int64_t tokens = g.shape(ids)[1];
  ValueId x = g.embedding(ids, w / "word_embeddings", config.vocab_size, config.width);
  x = g.add(x, same_embedding(g, w / "token_type_embeddings", tokens, /*row=*/0,
                              {config.token_types, config.width}));
  x = g.add(x, position_embedding(g, w / "position_embeddings", tokens,
                                  {config.max_tokens, config.width}));
  return g.name(g.layer_norm(x, w / "LayerNorm", config.layer_norm_eps), w);
}

ValueId self_attention(GraphBuilder& g, const WeightScope& w, graph::AttentionInputs from,
                       const BertTextConfig& config) {
  const WeightScope self = w / "self", output = w / "output";
  const ValueId x = from.q;
  const ValueId q = g.linear(x, self / "query", config.width);
  const ValueId k = g.linear(x, self / "key", config.width);
  const ValueId v = g.linear(x, self / "value", config.width);
  const float head_width = static_cast<float>(config.width / config.heads);
  const ValueId mixed =
      g.name(g.attention({.q = q, .k = k, .v = v, .key_mask = from.key_mask},
                         {.heads = config.heads, .scale = 1.0f / std::sqrt(head_width)}),
             self);
  const ValueId h = g.add(g.linear(mixed, output / "dense", config.width), x);
  return g.name(g.layer_norm(h, output / "LayerNorm", config.layer_norm_eps), w);
}

/// x [N,T,C] -> same; residuals first, norms after them.
ValueId encoder_layer(GraphBuilder& g, const WeightScope& w, graph::AttentionInputs from,
                      const BertTextConfig& config) {
  const ValueId x = self_attention(g, w / "attention", from, config);
  ValueId h = g.linear(x, w / "intermediate" / "dense", config.inner_width);
  h = g.name(g.activation(h, config.activation), w / "intermediate");
  h = g.add(g.linear(h, w / "output" / "dense", config.width), x);
  return g.name(g.layer_norm(h, w / "output" / "LayerNorm", config.layer_norm_eps), w);
}

}  // namespace

Result<graph::Graph> build_bert_text(const BertTextConfig& config, const BertTextShape& shape,
                                     const TensorSource* weights) {
  EF_TRY_STATUS(check_batch(shape.batch));
  EF_TRY_STATUS(check_tokens(shape.tokens, config.max_tokens));
  GraphBuilder g("text_encoder", weights);
  const WeightScope root, prefixed = root / "bert";
  const bool has_prefix = g.has_weight(prefixed / "embeddings" / "word_embeddings" / "weight");
  const WeightScope w = has_prefix ? prefixed : root;

  const ValueId ids = g.input("input_ids", {shape.batch, shape.tokens}, DType::i32);
  const ValueId mask = g.token_mask(ids, config.padding_token);
  ValueId x = embeddings(g, w / "embeddings", ids, config);
  for (int i = 0; i < config.layers; ++i) {
    x = encoder_layer(g, w / "encoder" / "layer" / i, {.q = x, .key_mask = mask}, config);
  }
  if (shape.zero_padding_states) {
    x = g.mul(x, g.reshape(mask, {shape.batch, shape.tokens, 1}));
  }
  g.output("last_hidden_state", x);
  // The pooled sentence vector, a buffer of old files, and the heads of pre-training.
  return g.finish(
      {(w / "pooler").path() + ".", (w / "embeddings" / "position_ids").path(), "cls."});
}

}  // namespace edgefusion::models
