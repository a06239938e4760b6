#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"

namespace edgefusion::models {

/// The architectures we build.
enum class NetworkClass : uint8_t {
  unet_2d_condition,  ///< UNet2DConditionModel
  clip_text,          ///< CLIPTextModel, CLIPTextModelWithProjection
  bert_text,          ///< BertModel
  autoencoder_kl,     ///< AutoencoderKL
  autoencoder_tiny,   ///< AutoencoderTiny
  image_text,         ///< ImageTextModel: its image tower
};

/// What a network does in a pipeline, an autoencoder has two parts; image_encoder: in none, it
/// judges pictures.
enum class NetworkRole : uint8_t { text_encoder, unet, vae_decoder, vae_encoder, image_encoder };

std::string_view to_string(NetworkClass network);
std::string_view to_string(NetworkRole role);
/// Errors: invalid_argument with the list of roles.
Result<NetworkRole> parse_network_role(std::string_view name);

/// Class of a config.json, by `_class_name`, `architectures` or `model_type`.
/// Errors: unsupported, with the name found and the list of those we build.
Result<NetworkClass> network_class(const nlohmann::json& config, const std::string& origin);

/// Rows of the table that a text encoder's ids pick from.
/// Errors: those of its config; unsupported if it is no text encoder.
Result<int64_t> text_vocabulary(const nlohmann::json& config, const std::string& origin);

/// Sizes in the network's own units: U-Net and decoder in latent pixels, encoder in image pixels;
/// image towers have a size of their own.
/// What a network does not have is not looked at.
struct NetworkSizes {
  int64_t batch = 1;
  int64_t height = 64, width = 64;
  int64_t tokens = 77;
};

struct NetworkOptions {
  int clip_skip = 0;                 ///< CLIP only
  bool pooled_output = false;        ///< CLIP only
  bool zero_padding_states = false;  ///< BERT only
};

/// Builds the network a config describes, for a role, at given sizes: the one entry for all who
/// treat networks alike. `origin` names the config in messages; weights nullptr: from shapes alone.
/// Inputs, outputs and errors are those of build_unet, build_clip_text, build_bert_text,
/// build_vae_*, build_taesd_* and build_image_tower; also unsupported if the class cannot fill the
/// role.
struct NetworkRequest {
  NetworkRole role = NetworkRole::unet;
  NetworkSizes sizes = {};
  NetworkOptions options = {};
};
Result<graph::Graph> build_network(const nlohmann::json& config, const std::string& origin,
                                   const NetworkRequest& request, const TensorSource* weights);

/// Elements of all tensors a graph reads from the weight file.
int64_t parameter_count(const graph::Graph& graph);

}  // namespace edgefusion::models
