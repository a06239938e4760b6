#include "train/picture_decoder.h"

#include <ATen/ATen.h>

#include "models/registry.h"
#include "train/autoencoder_files.h"
#include "train/run_graph.h"

namespace edgefusion::train {

Result<PictureDecoder> PictureDecoder::open(const std::filesystem::path& folder,
                                            const pipeline::Model& model, const Shape& latents,
                                            at::Device device) {
  formats::NetworkFiles files = model.network("vae");
  if (!folder.empty()) {
    EF_TRY(files, open_autoencoder(folder));
  }
  const models::NetworkRequest request = {
      .role = models::NetworkRole::vae_decoder,
      .sizes = {.batch = latents[0], .height = latents[1], .width = latents[2]}};
  PictureDecoder decoder;
  EF_TRY(decoder.graph_,
         models::build_network(files.config, files.config_origin, request, files.weights.get()));
  const Shape& input = decoder.graph_.value(decoder.graph_.find("latent")).shape;
  if (!(input == latents)) {
    return fail(ErrorCode::unsupported, files.config_origin + ": latents of shape " +
                                            input.to_string() + ", expected " +
                                            latents.to_string() + " as the U-Net has them");
  }
  decoder.parameters_ = Parameters::load(decoder.graph_, *files.weights).to(device).frozen();
  decoder.scale_ = static_cast<double>(model.latent_space().scaling_factor);
  return decoder;
}

at::Tensor PictureDecoder::decode(const at::Tensor& latents) const {
  const NamedTensors outputs = run_graph(graph_, parameters_, {{"latent", latents / scale_}});
  return outputs.begin()->second;
}

}  // namespace edgefusion::train
