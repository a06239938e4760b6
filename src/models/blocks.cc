#include "models/blocks.h"

#include <cmath>

namespace edgefusion::models {
namespace {

constexpr float kTransformerGroupNormEps = 1e-6f;  // fixed in diffusers, whatever norm_eps says
constexpr float kTransformerLayerNormEps = 1e-5f;

}  // namespace

ValueId res_block(GraphBuilder& g, const WeightScope& w, ValueId x, const ResBlock& block) {
  const int64_t in_channels = g.shape(x)[-1];
  // First, so that the convolution finds it ready.
  ValueId time = graph::kNoValue;
  if (block.time_embedding != graph::kNoValue) {
    time = g.linear(block.time_embedding, w / "time_emb_proj", block.out_channels);
  }
  ValueId h = g.group_norm(x, w / "norm1", block.groups, block.eps);
  h = g.conv2d(g.activation(h, block.activation), w / "conv1", block.out_channels);
  if (time != graph::kNoValue) h = g.add(h, time);
  h = g.group_norm(h, w / "norm2", block.groups, block.eps);
  h = g.conv2d(g.activation(h, block.activation), w / "conv2", block.out_channels);
  if (in_channels != block.out_channels) {
    x = g.conv2d(x, w / "conv_shortcut", block.out_channels, {.kernel = 1, .padding = 0});
  }
  ValueId y = g.add(h, x);
  if (block.output_scale_factor != 1.0f) y = g.affine(y, 1.0f / block.output_scale_factor, 0.0f);
  return g.name(y, w);
}

ValueId transformer_2d(GraphBuilder& g, const WeightScope& w, ValueId x,
                       const Transformer2D& transformer) {
  const graph::ConvOptions pointwise{.kernel = 1, .padding = 0};
  const Shape picture = g.shape(x);
  const int64_t channels = picture[3];
  const Shape tokens{picture[0], picture[1] * picture[2], channels};

  ValueId h = g.group_norm(x, w / "norm", transformer.groups, kTransformerGroupNormEps);
  if (transformer.linear_projection) {
    h = g.linear(g.reshape(h, tokens), w / "proj_in", channels);
  } else {
    h = g.reshape(g.conv2d(h, w / "proj_in", channels, pointwise), tokens);
  }
  for (int i = 0; i < transformer.layers; ++i) {
    h = basic_transformer_block(g, w / "transformer_blocks" / i, h, transformer);
  }
  if (transformer.linear_projection) {
    h = g.reshape(g.linear(h, w / "proj_out", channels), picture);
  } else {
    h = g.conv2d(g.reshape(h, picture), w / "proj_out", channels, pointwise);
  }
  return g.name(g.add(h, x), w);
}

ValueId basic_transformer_block(GraphBuilder& g, const WeightScope& w, ValueId x,
                                const Transformer2D& transformer) {
  const ValueId normed = g.layer_norm(x, w / "norm1", kTransformerLayerNormEps);
  const ValueId looks_at = transformer.only_cross_attention ? transformer.context : normed;
  x = g.add(attention(g, w / "attn1", normed, looks_at, transformer.heads), x);

  const ValueId query = g.layer_norm(x, w / "norm2", kTransformerLayerNormEps);
  x = g.add(attention(g, w / "attn2", query, transformer.context, transformer.heads), x);

  const ValueId inner = g.layer_norm(x, w / "norm3", kTransformerLayerNormEps);
  return g.name(g.add(feed_forward(g, w / "ff", inner), x), w);
}

ValueId attention(GraphBuilder& g, const WeightScope& w, ValueId x, ValueId context, int heads) {
  const int64_t channels = g.shape(x)[-1];
  const bool bias = false;
  const ValueId q = g.linear(x, w / "to_q", channels, bias);
  const ValueId k = g.linear(context, w / "to_k", channels, bias);
  const ValueId v = g.linear(context, w / "to_v", channels, bias);
  const float head_width = static_cast<float>(channels / heads);
  const ValueId mixed = g.attention({.q = q, .k = k, .v = v},
                                    {.heads = heads, .scale = 1.0f / std::sqrt(head_width)});
  return g.name(g.linear(mixed, w / "to_out" / 0, channels), w);
}

ValueId feed_forward(GraphBuilder& g, const WeightScope& w, ValueId x) {
  const int64_t channels = g.shape(x)[-1];
  const ValueId gated = g.linear(x, w / "net" / 0 / "proj", 8 * channels);  // 4, and the gate
  const ValueId h = g.name(g.geglu(gated), w / "net" / 0);
  return g.name(g.linear(h, w / "net" / 2, channels), w);
}

ValueId downsample(GraphBuilder& g, const WeightScope& w, ValueId x, int padding) {
  const graph::ConvOptions options{
      .stride = 2, .padding = padding, .pad_bottom_right_only = padding == 0};
  return g.name(g.conv2d(x, w / "conv", g.shape(x)[-1], options), w);
}

ValueId upsample(GraphBuilder& g, const WeightScope& w, ValueId x, PictureSize size) {
  const int64_t channels = g.shape(x)[-1];
  x = g.resize_nearest(x, size.height, size.width);
  return g.name(g.conv2d(x, w / "conv", channels), w);
}

}  // namespace edgefusion::models
