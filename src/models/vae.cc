#include "models/vae.h"

#include <cmath>
#include <string>

#include "models/blocks.h"
#include "models/size_limits.h"

namespace edgefusion::models {
namespace {

constexpr float kNormEps = 1e-6f;  // fixed in diffusers
constexpr graph::ConvOptions kPointwise{.kernel = 1, .padding = 0};

ResBlock res_block_of(const VaeConfig& config, int64_t out_channels) {
  return {.out_channels = out_channels,
          .groups = config.norm_groups,
          .eps = kNormEps,
          .activation = config.activation};
}

/// Files from before diffusers 0.15 call the projections by other names. (Single-file checkpoints
/// keep these matrices as 1x1 convolutions, which linear() takes as well.)
WeightScope projection(const GraphBuilder& g, const WeightScope& w, std::string_view name,
                       std::string_view old_name) {
  if (g.has_weight(w / old_name / "weight")) return w / old_name;
  return name == "to_out" ? w / name / 0 : w / name;
}

/// One head over all pixels, around a residual (diffusers Attention of the VAE). x [N,H,W,C] ->
/// same
ValueId pixel_attention(GraphBuilder& g, const WeightScope& w, ValueId x, const VaeConfig& config) {
  const Shape picture = g.shape(x);
  const int64_t channels = picture[3];
  const Shape tokens{picture[0], picture[1] * picture[2], channels};
  ValueId h = g.group_norm(x, w / "group_norm", config.norm_groups, kNormEps);
  h = g.reshape(h, tokens);
  const ValueId q = g.linear(h, projection(g, w, "to_q", "query"), channels);
  const ValueId k = g.linear(h, projection(g, w, "to_k", "key"), channels);
  const ValueId v = g.linear(h, projection(g, w, "to_v", "value"), channels);
  h = g.attention({.q = q, .k = k, .v = v},
                  {.heads = 1, .scale = 1.0f / std::sqrt(static_cast<float>(channels))});
  h = g.linear(h, projection(g, w, "to_out", "proj_attn"), channels);
  return g.name(g.add(g.reshape(h, picture), x), w);
}

ValueId mid_block(GraphBuilder& g, const WeightScope& w, ValueId x, const VaeConfig& config) {
  const ResBlock block = res_block_of(config, config.channels.back());
  x = res_block(g, w / "resnets" / 0, x, block);
  if (config.mid_attention) x = pixel_attention(g, w / "attentions" / 0, x, config);
  return g.name(res_block(g, w / "resnets" / 1, x, block), w);
}

ValueId norm_and_conv_out(GraphBuilder& g, const WeightScope& w, ValueId x, const VaeConfig& config,
                          int64_t out_channels) {
  x = g.group_norm(x, w / "conv_norm_out", config.norm_groups, kNormEps);
  return g.name(g.conv2d(g.silu(x), w / "conv_out", out_channels), w);
}

ValueId decoder(GraphBuilder& g, const WeightScope& w, ValueId x, const VaeConfig& config) {
  const int stages = static_cast<int>(config.channels.size());
  x = g.conv2d(x, w / "conv_in", config.channels.back());
  x = mid_block(g, w / "mid_block", x, config);
  for (int i = 0; i < stages; ++i) {
    const WeightScope block = w / "up_blocks" / i;
    const int64_t channels = config.channels[static_cast<size_t>(stages - 1 - i)];
    for (int layer = 0; layer < config.layers + 1; ++layer) {
      x = res_block(g, block / "resnets" / layer, x, res_block_of(config, channels));
    }
    if (i + 1 < stages) {
      const Shape& size = g.shape(x);
      x = upsample(g, block / "upsamplers" / 0, x, {2 * size[1], 2 * size[2]});
    }
    x = g.name(x, block);
  }
  return norm_and_conv_out(g, w, x, config, config.out_channels);
}

ValueId encoder(GraphBuilder& g, const WeightScope& w, ValueId x, const VaeConfig& config) {
  const int stages = static_cast<int>(config.channels.size());
  x = g.conv2d(x, w / "conv_in", config.channels.front());
  for (int i = 0; i < stages; ++i) {
    const WeightScope block = w / "down_blocks" / i;
    const int64_t channels = config.channels[static_cast<size_t>(i)];
    for (int layer = 0; layer < config.layers; ++layer) {
      x = res_block(g, block / "resnets" / layer, x, res_block_of(config, channels));
    }
    if (i + 1 < stages) x = downsample(g, block / "downsamplers" / 0, x, /*padding=*/0);
    x = g.name(x, block);
  }
  x = mid_block(g, w / "mid_block", x, config);
  return norm_and_conv_out(g, w, x, config, 2 * config.latent_channels);
}

}  // namespace

Result<graph::Graph> build_vae_decoder(const VaeConfig& config, const PictureShape& shape,
                                       const TensorSource* weights) {
  EF_TRY_STATUS(
      check_picture("latents", shape.batch, shape.height, shape.width, kMostLatentPixels));
  const int64_t enlarged = config.pixels_per_latent();
  EF_TRY_STATUS(check_picture("image", shape.batch, shape.height * enlarged, shape.width * enlarged,
                              kMostImagePixels));
  GraphBuilder g("vae_decoder", weights);
  const WeightScope root;
  ValueId x = g.input("latent", {shape.batch, shape.height, shape.width, config.latent_channels});
  if (config.post_quant_conv) {
    x = g.conv2d(x, root / "post_quant_conv", config.latent_channels, kPointwise);
  }
  g.output("image", decoder(g, root / "decoder", x, config));
  return g.finish({"encoder.", "quant_conv."});
}

Result<graph::Graph> build_vae_encoder(const VaeConfig& config, const PictureShape& shape,
                                       const TensorSource* weights) {
  EF_TRY_STATUS(check_picture("image", shape.batch, shape.height, shape.width, kMostImagePixels));
  const int64_t reduced = config.pixels_per_latent();
  EF_TRY_STATUS(check_picture("latents of the image", shape.batch, shape.height / reduced,
                              shape.width / reduced, kMostLatentPixels));
  GraphBuilder g("vae_encoder", weights);
  const WeightScope root;
  ValueId x = g.input("image", {shape.batch, shape.height, shape.width, config.in_channels});
  x = encoder(g, root / "encoder", x, config);
  if (config.quant_conv) {
    x = g.conv2d(x, root / "quant_conv", 2 * config.latent_channels, kPointwise);
  }
  // The second half is the log variance.
  g.output("latent", g.slice(x, 3, 0, config.latent_channels));
  return g.finish({"decoder.", "post_quant_conv."});
}

}  // namespace edgefusion::models
