#include "models/unet.h"

#include <string>
#include <vector>

#include "models/blocks.h"
#include "models/size_limits.h"

namespace edgefusion::models {
namespace {

/// What every block needs beside its input.
struct Flow {
  GraphBuilder& g;
  const UNetConfig& config;
  ValueId time_embedding;      // [N,D], activated
  ValueId context;             // [N,T,D]
  std::vector<ValueId> skips;  // results of the down path, last one on top
};

ResBlock res_block_of(const Flow& flow, int64_t out_channels) {
  return {.out_channels = out_channels,
          .groups = flow.config.norm_groups,
          .eps = flow.config.norm_eps,
          .activation = flow.config.activation,
          .time_embedding = flow.time_embedding};
}

Transformer2D transformer_of(const Flow& flow, const UNetStage& stage) {
  return {.heads = stage.heads,
          .layers = stage.transformer_layers,
          .groups = flow.config.norm_groups,
          .linear_projection = flow.config.linear_projection,
          .only_cross_attention = stage.only_cross_attention,
          .context = flow.context};
}

graph::ConvOptions same_size(int kernel) { return {.kernel = kernel, .padding = (kernel - 1) / 2}; }

ValueId time_mlp(GraphBuilder& g, const UNetConfig& config, ValueId timestep, ValueId condition) {
  const WeightScope root, w = root / "time_embedding";
  const int64_t channels = config.stages.front().channels;
  ValueId t = g.timestep_embedding(timestep, {.dim = channels,
                                              .flip_sin_to_cos = config.flip_sin_to_cos,
                                              .freq_shift = config.freq_shift});
  t = g.name(t, root / "time_proj");
  if (condition != graph::kNoValue) {
    t = g.add(t, g.linear(condition, w / "cond_proj", channels, /*bias=*/false));
  }
  t = g.activation(g.linear(t, w / "linear_1", config.time_embedding_width), config.activation);
  t = g.linear(t, w / "linear_2", config.time_embedding_width);
  t = g.activation(t, config.timestep_post_activation);
  return g.name(t, w);
}

/// x -> pairs of residual block and transformer, then half the size unless it is the last stage.
ValueId down_block(Flow& flow, const WeightScope& w, ValueId x, size_t index) {
  const UNetStage& stage = flow.config.stages[index];
  for (int i = 0; i < stage.layers; ++i) {
    x = res_block(flow.g, w / "resnets" / i, x, res_block_of(flow, stage.channels));
    if (stage.down_attention) {
      x = transformer_2d(flow.g, w / "attentions" / i, x, transformer_of(flow, stage));
    }
    flow.skips.push_back(x);
  }
  if (index + 1 < flow.config.stages.size()) {
    x = downsample(flow.g, w / "downsamplers" / 0, x, flow.config.downsample_padding);
    flow.skips.push_back(x);
  }
  return flow.g.name(x, w);
}

ValueId mid_block(Flow& flow, const WeightScope& w, ValueId x) {
  const UNetStage& innermost = flow.config.stages.back();
  ResBlock block = res_block_of(flow, innermost.channels);
  block.output_scale_factor = flow.config.mid_block_scale_factor;
  x = res_block(flow.g, w / "resnets" / 0, x, block);
  if (flow.config.mid_block == UNetMidBlock::cross_attention) {
    Transformer2D transformer = transformer_of(flow, innermost);
    transformer.only_cross_attention = false;
    x = transformer_2d(flow.g, w / "attentions" / 0, x, transformer);
    x = res_block(flow.g, w / "resnets" / 1, x, block);
  }
  return flow.g.name(x, w);
}

/// Takes one skip per residual block, then grows to the size of the next skip.
ValueId up_block(Flow& flow, const WeightScope& w, ValueId x, size_t index) {
  const UNetStage& stage = flow.config.stages[index];
  for (int i = 0; i < stage.layers + 1; ++i) {
    x = flow.g.concat({x, flow.skips.back()});
    flow.skips.pop_back();
    x = res_block(flow.g, w / "resnets" / i, x, res_block_of(flow, stage.channels));
    if (stage.up_attention) {
      x = transformer_2d(flow.g, w / "attentions" / i, x, transformer_of(flow, stage));
    }
  }
  if (index > 0) {
    const Shape& next = flow.g.shape(flow.skips.back());
    x = upsample(flow.g, w / "upsamplers" / 0, x, {next[1], next[2]});
  }
  return flow.g.name(x, w);
}

Status check_shape(const UNetConfig& config, const UNetShape& shape) {
  EF_TRY_STATUS(
      check_picture("unet latents", shape.batch, shape.height, shape.width, kMostLatentPixels));
  if (config.context_width() > 0) EF_TRY_STATUS(check_tokens(shape.tokens, kMostTokens));
  int64_t height = shape.height, width = shape.width;
  for (size_t i = 1; config.downsample_padding == 0 && i < config.stages.size(); ++i) {
    height /= 2;
    width /= 2;
  }
  if (height > 0 && width > 0) return {};
  return fail(ErrorCode::invalid_argument, "unet latents: " + std::to_string(shape.height) + "x" +
                                               std::to_string(shape.width) +
                                               " is too small to be halved " +
                                               std::to_string(config.stages.size() - 1) + " times");
}

}  // namespace

Result<graph::Graph> build_unet(const UNetConfig& config, const UNetShape& shape,
                                const TensorSource* weights) {
  EF_TRY_STATUS(check_shape(config, shape));
  GraphBuilder g("unet", weights);
  const WeightScope root;
  ValueId x = g.input("sample", {shape.batch, shape.height, shape.width, config.in_channels});
  const ValueId timestep = g.input("timestep", {shape.batch});
  Flow flow{g, config, graph::kNoValue, graph::kNoValue, {}};
  if (config.context_width() > 0) {
    flow.context =
        g.input("encoder_hidden_states", {shape.batch, shape.tokens, config.context_width()});
  }
  ValueId condition = graph::kNoValue;
  if (config.time_cond_width > 0) {
    condition = g.input("timestep_cond", {shape.batch, config.time_cond_width});
  }

  const ValueId time = time_mlp(g, config, timestep, condition);
  // Every residual block applies its activation to the same vector: done once here.
  flow.time_embedding =
      g.activation(g.activation(time, config.time_embedding_activation), config.activation);

  if (config.center_input_sample) x = g.affine(x, 2.0f, -1.0f);
  x = g.conv2d(x, root / "conv_in", config.stages.front().channels,
               same_size(config.conv_in_kernel));
  flow.skips.push_back(x);

  const size_t stages = config.stages.size();
  for (size_t i = 0; i < stages; ++i) {
    x = down_block(flow, root / "down_blocks" / static_cast<int>(i), x, i);
  }
  if (config.mid_block != UNetMidBlock::none) x = mid_block(flow, root / "mid_block", x);
  for (size_t i = 0; i < stages; ++i) {
    x = up_block(flow, root / "up_blocks" / static_cast<int>(i), x, stages - 1 - i);
  }

  x = g.group_norm(x, root / "conv_norm_out", config.norm_groups, config.norm_eps);
  x = g.activation(x, config.activation);
  x = g.conv2d(x, root / "conv_out", config.out_channels, same_size(config.conv_out_kernel));
  g.output("out_sample", x);
  return g.finish();
}

graph::StepInputs unet_step_inputs() { return {.timestep = {"timestep"}, .step = {"sample"}}; }

}  // namespace edgefusion::models
