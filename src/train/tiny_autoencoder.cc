#include "train/tiny_autoencoder.h"

#include <ATen/ATen.h>

#include <utility>

#include "graph/op_table.h"
#include "models/registry.h"
#include "train/run_graph.h"
#include "train/sample_order.h"

namespace edgefusion::train {
namespace {

using models::NetworkRole;

Result<graph::Graph> half(const nlohmann::json& config, const std::string& origin, NetworkRole role,
                          const Shape& sizes, const TensorSource* weights) {
  const models::NetworkRequest request = {
      .role = role, .sizes = {.batch = sizes[0], .height = sizes[1], .width = sizes[2]}};
  return models::build_network(config, origin, request, weights);
}

const std::string& output_name(const graph::Graph& graph) {
  return graph.value(graph.outputs()[0]).name;
}

/// Some tensor of the file begins so.
bool has_half(const TensorSource& weights, std::string_view prefix) {
  for (const std::string& name : weights.names()) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace

Result<TinyAutoencoder> TinyAutoencoder::make(const nlohmann::json& config,
                                              const std::string& origin, int64_t batch,
                                              int64_t size) {
  EF_TRY(const models::NetworkClass found, models::network_class(config, origin));
  if (found != models::NetworkClass::autoencoder_tiny) {
    return fail(ErrorCode::unsupported, origin + ": " + std::string(models::to_string(found)) +
                                            ", expected AutoencoderTiny");
  }
  for (const char* key : {"in_channels", "out_channels"}) {
    const nlohmann::json channels = config.value(key, nlohmann::json(3));
    if (channels == 3) continue;
    return fail(ErrorCode::unsupported,
                origin + ": " + key + ": expected 3, found " + channels.dump());
  }
  TinyAutoencoder made;
  made.config_ = config;
  made.batch_ = batch;
  made.size_ = size;
  EF_TRY(made.encoder_,
         half(config, origin, NetworkRole::vae_encoder, {batch, size, size}, nullptr));
  const Shape latents = made.encoder_.value(made.encoder_.outputs()[0]).shape;
  EF_TRY(made.decoder_,
         half(config, origin, NetworkRole::vae_decoder, {batch, latents[1], latents[2]}, nullptr));
  const Shape back = made.decoder_.value(made.decoder_.outputs()[0]).shape;
  if (back[1] != size || back[2] != size) {
    return fail(ErrorCode::invalid_argument, origin + ": squares of " + std::to_string(size) +
                                                 " pixels come back as " + std::to_string(back[1]) +
                                                 ", expected a multiple of its pixels per latent");
  }
  return made;
}

Result<Parameters> TinyAutoencoder::parameters(const formats::NetworkFiles* start,
                                               uint64_t seed) const {
  Parameters all;
  for (const auto& [role, prefix, graph] :
       {std::tuple{NetworkRole::vae_encoder, "encoder.", &encoder_},
        std::tuple{NetworkRole::vae_decoder, "decoder.", &decoder_}}) {
    if (start == nullptr || !has_half(*start->weights, prefix)) {
      const auto part = static_cast<uint64_t>(role);
      all.join(Parameters::initialize(*graph, mixed_seed(seed, Purpose::first_weights, part)));
      continue;
    }
    const Shape& input = graph->value(graph->find(prefix[0] == 'e' ? "image" : "latent")).shape;
    EF_TRY(const graph::Graph checked,
           half(config_, start->config_origin, role, input, start->weights.get()));
    all.join(Parameters::load(checked, *start->weights));
  }
  return all;
}

at::Tensor TinyAutoencoder::encode(const Parameters& parameters, const at::Tensor& pictures) const {
  return run_graph(encoder_, parameters, {{"image", pictures}}).at(output_name(encoder_));
}

at::Tensor TinyAutoencoder::decode(const Parameters& parameters, const at::Tensor& latents) const {
  return run_graph(decoder_, parameters, {{"latent", latents}}).at(output_name(decoder_));
}

int64_t TinyAutoencoder::macs_per_picture() const {
  return (graph::graph_cost(encoder_).macs + graph::graph_cost(decoder_).macs) / batch_;
}

int64_t TinyAutoencoder::parameter_count() const {
  return models::parameter_count(encoder_) + models::parameter_count(decoder_);
}

}  // namespace edgefusion::train
