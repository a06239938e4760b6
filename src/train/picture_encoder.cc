#include "train/picture_encoder.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>
#include <vector>

#include "models/registry.h"
#include "shards/square_picture.h"
#include "train/run_graph.h"

namespace edgefusion::train {
namespace {

Result<graph::Graph> encoder_graph(const formats::NetworkFiles& files, int64_t batch,
                                   int64_t resolution) {
  const models::NetworkRequest request = {
      .role = models::NetworkRole::vae_encoder,
      .sizes = {.batch = batch, .height = resolution, .width = resolution}};
  return models::build_network(files.config, files.config_origin, request, files.weights.get());
}

}  // namespace

at::Tensor picture_tensor(const formats::Image& image, int64_t resolution, double position) {
  std::vector<float> pixels = shards::square_picture(image, static_cast<int>(resolution), position);
  return at::from_blob(pixels.data(), {resolution, resolution, 3}, at::kFloat).clone();
}

Result<PictureEncoder> PictureEncoder::open(formats::NetworkFiles files, double scale, int64_t size,
                                            at::Device device) {
  PictureEncoder encoder;
  EF_TRY(const graph::Graph graph, encoder_graph(files, 1, size));
  encoder.latent_shape_ = graph.value(graph.outputs()[0]).shape;
  encoder.parameters_ = Parameters::load(graph, *files.weights).to(device).frozen();
  encoder.files_ = std::move(files);
  encoder.scale_ = scale;
  encoder.device_ = device;
  return encoder;
}

void PictureEncoder::hash_into(ContentHasher& hasher) const {
  hasher.add_text(files_.config.dump());
  hasher.add_text(std::to_string(scale_));
  parameters_.hash_into(hasher);
}

at::Tensor PictureEncoder::encode(const at::Tensor& pictures) const {
  const at::NoGradGuard no_grad;
  const std::pair key = {pictures.size(0), pictures.size(1)};
  auto found = graphs_.find(key);
  if (found == graphs_.end()) {
    auto built = encoder_graph(files_, key.first, key.second);
    EF_CHECK(built.has_value(), "an encoder that was built before, a size that fills latents");
    found = graphs_.emplace(key, *std::move(built)).first;
  }
  const graph::Graph& graph = found->second;
  const NamedTensors outputs = run_graph(graph, parameters_, {{"image", pictures.to(device_)}});
  return outputs.at(graph.value(graph.outputs()[0]).name).to(at::kFloat) * scale_;
}

}  // namespace edgefusion::train
