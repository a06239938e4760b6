#include "models/taesd.h"

#include "models/blocks.h"
#include "models/size_limits.h"

namespace edgefusion::models {
namespace {

/// Layers of one nn.Sequential, in order.
class LayerList {
 public:
  LayerList(WeightScope list, int first) : list_(std::move(list)), next_(first) {}
  WeightScope next() { return list_ / next_++; }

 private:
  WeightScope list_;
  int next_;
};

/// The list of diffusers, or that of the original files, where a layer number may begin later.
LayerList layers_of(const GraphBuilder& g, std::string_view half, int original_first) {
  const WeightScope root;
  const WeightScope list = root / half / "layers";
  const bool original =
      !g.has_weight(list / 0 / "weight") && g.has_weight(root / original_first / "weight");
  return original ? LayerList(root, original_first) : LayerList(list, 0);
}

/// Three convolutions around a residual. x [N,H,W,C] -> same
ValueId tiny_block(GraphBuilder& g, const WeightScope& w, ValueId x, Activation activation) {
  const int64_t channels = g.shape(x)[3];
  ValueId h = g.activation(g.conv2d(x, w / "conv" / 0, channels), activation);
  h = g.activation(g.conv2d(h, w / "conv" / 2, channels), activation);
  h = g.conv2d(h, w / "conv" / 4, channels);
  return g.name(g.activation(g.add(h, x), Activation::relu), w);
}

Status check_sizes(const TaesdConfig& config, const PictureShape& latents) {
  EF_TRY_STATUS(
      check_picture("latents", latents.batch, latents.height, latents.width, kMostLatentPixels));
  const int64_t enlarged = config.pixels_per_latent();
  return check_picture("image", latents.batch, latents.height * enlarged, latents.width * enlarged,
                       kMostImagePixels);
}

}  // namespace

Result<graph::Graph> build_taesd_decoder(const TaesdConfig& config, const PictureShape& shape,
                                         const TensorSource* weights) {
  EF_TRY_STATUS(check_sizes(config, shape));
  GraphBuilder g("vae_decoder", weights);
  // Layer 0 of the original is the clamp.
  LayerList layers = layers_of(g, "decoder", /*original_first=*/1);
  const int64_t channels = config.decoder_channels;

  ValueId x = g.input("latent", {shape.batch, shape.height, shape.width, config.latent_channels});
  // A soft clamp to -3..3, where the latents it was trained on lie.
  x = g.affine(g.activation(g.affine(x, 1.0f / 3.0f, 0.0f), Activation::tanh), 3.0f, 0.0f);
  x = g.conv2d(x, layers.next(), channels);
  x = g.name(g.activation(x, config.activation), layers.next());
  const size_t stages = config.decoder_blocks.size();
  for (size_t i = 0; i < stages; ++i) {
    for (int64_t block = 0; block < config.decoder_blocks[i]; ++block) {
      x = tiny_block(g, layers.next(), x, config.activation);
    }
    if (i + 1 == stages) break;
    const Shape& size = g.shape(x);
    const int64_t factor = config.upsampling_factor;
    x = g.name(g.resize_nearest(x, factor * size[1], factor * size[2]), layers.next());
    x = g.conv2d(x, layers.next(), channels, {.bias = false});
  }
  x = g.conv2d(x, layers.next(), config.out_channels);
  g.output("image", g.affine(x, 2.0f, -1.0f));
  return g.finish({"encoder."});
}

Result<graph::Graph> build_taesd_encoder(const TaesdConfig& config, const PictureShape& shape,
                                         const TensorSource* weights) {
  EF_TRY_STATUS(check_picture("image", shape.batch, shape.height, shape.width, kMostImagePixels));
  GraphBuilder g("vae_encoder", weights);
  LayerList layers = layers_of(g, "encoder", /*original_first=*/0);
  const int64_t channels = config.encoder_channels;

  ValueId x = g.input("image", {shape.batch, shape.height, shape.width, config.in_channels});
  x = g.affine(x, 0.5f, 0.5f);
  for (size_t i = 0; i < config.encoder_blocks.size(); ++i) {
    x = i == 0 ? g.conv2d(x, layers.next(), channels)
               : g.conv2d(x, layers.next(), channels, {.stride = 2, .bias = false});
    for (int64_t block = 0; block < config.encoder_blocks[i]; ++block) {
      x = tiny_block(g, layers.next(), x, config.activation);
    }
  }
  x = g.conv2d(x, layers.next(), config.latent_channels);
  g.output("latent", x);
  return g.finish({"decoder."});
}

}  // namespace edgefusion::models
