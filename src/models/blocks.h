#pragma once

#include <cstdint>

#include "core/activation.h"
#include "graph/builder.h"

namespace edgefusion::models {

// Blocks that U-Nets and autoencoders of the Stable Diffusion family are made of. N,H,W,C = batch,
// height, width, channels (channels last); T = tokens. `w` is the module's place in the weight file
// and names the result.
using graph::GraphBuilder;
using graph::ValueId;
using graph::WeightScope;

struct ResBlock {
  int64_t out_channels = 0;
  int groups = 32;
  float eps = 1e-5f;
  Activation activation = Activation::silu;
  /// [N,D], the activation applied already; kNoValue in autoencoders.
  ValueId time_embedding = graph::kNoValue;
  float output_scale_factor = 1.0f;  ///< divides the sum
};

/// Residual block of LDM (Rombach et al. 2022, appendix; diffusers ResnetBlock2D).
/// x [N,H,W,Cin] -> [N,H,W,Cout]
ValueId res_block(GraphBuilder& g, const WeightScope& w, ValueId x, const ResBlock& block);

struct Transformer2D {
  int heads = 8;
  int layers = 1;
  int groups = 32;
  bool linear_projection = false;     ///< proj_in and proj_out are Linear, else 1x1 convolutions
  bool only_cross_attention = false;  ///< the first attention reads the text as well
  ValueId context = graph::kNoValue;  ///< text states [N,T,D]
};

/// Transformer over the pixels of a picture (diffusers Transformer2DModel). x [N,H,W,C] -> same
ValueId transformer_2d(GraphBuilder& g, const WeightScope& w, ValueId x,
                       const Transformer2D& transformer);

/// One layer of it: self-attention, cross-attention, gated feed-forward, each after a layer norm
/// and around a residual (diffusers BasicTransformerBlock). x [N,T,C] -> same
ValueId basic_transformer_block(GraphBuilder& g, const WeightScope& w, ValueId x,
                                const Transformer2D& transformer);

/// Attention of x [N,Tq,C] to context [N,Tk,D] -> [N,Tq,C]; projections of queries, keys and values
/// have no bias (diffusers Attention).
ValueId attention(GraphBuilder& g, const WeightScope& w, ValueId x, ValueId context, int heads);

/// GEGLU feed-forward, four times as wide inside (Shazeer 2020; diffusers FeedForward).
ValueId feed_forward(GraphBuilder& g, const WeightScope& w, ValueId x);

/// Halves height and width. padding 1: all sides; 0: bottom and right only.
ValueId downsample(GraphBuilder& g, const WeightScope& w, ValueId x, int padding);

struct PictureSize {
  int64_t height = 0, width = 0;
};

/// Enlarges to `size` by nearest neighbour, then convolves.
ValueId upsample(GraphBuilder& g, const WeightScope& w, ValueId x, PictureSize size);

}  // namespace edgefusion::models
