#include "models/image_tower.h"

#include <cmath>

#include "models/blocks.h"
#include "models/size_limits.h"

namespace edgefusion::models {
namespace {

constexpr float kNormEps = 1e-5f;

/// One learned vector for each item of the batch. -> [N,1,C]
ValueId pool_query(GraphBuilder& g, const WeightScope& w, int64_t batch, int64_t width) {
  const Tensor rows({batch, 1}, DType::i32);  // all zero: the only row
  return g.embedding(g.constant((w / "ids").path(), rows), w, /*rows=*/1, width);
}

/// x [N,H,W,C] -> [N,C]
ValueId attention_pool(GraphBuilder& g, const WeightScope& w, ValueId x, int heads) {
  const Shape shape = g.shape(x);
  const int64_t batch = shape[0], width = shape[3];
  const ValueId places = g.reshape(x, {batch, shape[1] * shape[2], width});
  const ValueId q = pool_query(g, w / "query", batch, width);
  const ValueId k = g.linear(places, w / "to_k", width);
  const ValueId v = g.linear(places, w / "to_v", width);
  const auto head_width = static_cast<float>(width / heads);
  const ValueId mixed = g.attention({.q = q, .k = k, .v = v},
                                    {.heads = heads, .scale = 1.0f / std::sqrt(head_width)});
  return g.linear(g.reshape(mixed, {batch, width}), w / "to_out", width);
}

}  // namespace

Result<graph::Graph> build_image_tower(const ImageTowerConfig& config, int64_t batch,
                                       const TensorSource* weights) {
  const int64_t side = config.image_size;
  EF_TRY_STATUS(check_picture("image", batch, side, side, kMostImagePixels));
  GraphBuilder g("image_tower", weights);
  const WeightScope w = WeightScope() / "image_tower";
  const graph::ConvOptions half = {.stride = 2};

  ValueId x = g.input("image", {batch, side, side, 3});
  for (size_t i = 0; i < config.widths.size(); ++i) {
    const WeightScope stage = w / "stages" / static_cast<int>(i);
    x = g.conv2d(x, stage / "down", config.widths[i], half);
    for (int64_t block = 0; block < config.blocks[i]; ++block) {
      x = res_block(
          g, stage / "blocks" / static_cast<int>(block), x,
          {.out_channels = config.widths[i], .groups = config.norm_groups, .eps = kNormEps});
    }
  }
  x = g.silu(g.group_norm(x, w / "norm_out", config.norm_groups, kNormEps));
  const ValueId features = attention_pool(g, w / "pool", x, config.pool_heads);
  const ValueId embedding =
      g.linear(features, WeightScope() / "image_projection", config.embedding_width, false);
  g.output("features", features);
  g.output("image_embeds", embedding);
  return g.finish({kTextProjection, kLogitScale});
}

}  // namespace edgefusion::models
