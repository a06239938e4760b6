#include "models/registry.h"

#include <array>
#include <optional>

#include "core/json.h"
#include "models/bert_text.h"
#include "models/clip_text.h"
#include "models/image_tower.h"
#include "models/taesd.h"
#include "models/unet.h"
#include "models/vae.h"

namespace edgefusion::models {
namespace {

struct ClassName {
  std::string_view name;
  NetworkClass network;
};

constexpr std::array kClassNames = {
    ClassName{"UNet2DConditionModel", NetworkClass::unet_2d_condition},
    ClassName{"CLIPTextModel", NetworkClass::clip_text},
    ClassName{"CLIPTextModelWithProjection", NetworkClass::clip_text},
    ClassName{"BertModel", NetworkClass::bert_text},
    ClassName{"AutoencoderKL", NetworkClass::autoencoder_kl},
    ClassName{"AutoencoderTiny", NetworkClass::autoencoder_tiny},
    ClassName{"ImageTextModel", NetworkClass::image_text},
};

// Configs of transformers may lack the class and name the kind of model only.
constexpr std::array kModelTypes = {
    ClassName{"clip_text_model", NetworkClass::clip_text},
    ClassName{"bert", NetworkClass::bert_text},
};

constexpr std::array<std::string_view, 5> kRoleNames = {"text_encoder", "unet", "vae_decoder",
                                                        "vae_encoder", "image_encoder"};

template <size_t size>
std::optional<NetworkClass> look_up(const std::array<ClassName, size>& table,
                                    std::string_view name) {
  for (const ClassName& entry : table) {
    if (entry.name == name) return entry.network;
  }
  return std::nullopt;
}

std::string known_classes() {
  std::string text;
  for (const ClassName& entry : kClassNames) {
    text.append(text.empty() ? "" : ", ").append(entry.name);
  }
  return text;
}

/// The first string of config[key], which may be a string or a list of strings.
std::optional<std::string> first_string(const nlohmann::json& config, const std::string& key) {
  const auto found = config.find(key);
  if (found == config.end()) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  if (found->is_array() && !found->empty() && found->front().is_string()) {
    return found->front().get<std::string>();
  }
  return std::nullopt;
}

Result<graph::Graph> build_text(NetworkClass network, const nlohmann::json& config,
                                const std::string& origin, const NetworkRequest& request,
                                const TensorSource* weights) {
  const NetworkSizes& sizes = request.sizes;
  if (network == NetworkClass::clip_text) {
    EF_TRY(const ClipTextConfig clip, parse_clip_text_config(config, origin));
    const ClipTextShape shape{.batch = sizes.batch,
                              .tokens = sizes.tokens,
                              .clip_skip = request.options.clip_skip,
                              .pooled_output = request.options.pooled_output};
    return build_clip_text(clip, shape, weights);
  }
  if (request.options.clip_skip != 0) {
    return fail(ErrorCode::invalid_argument,
                "clip_skip: " + std::to_string(request.options.clip_skip) + ", expected 0 (" +
                    origin + " is no CLIP)");
  }
  EF_TRY(const BertTextConfig bert, parse_bert_text_config(config, origin));
  const BertTextShape shape{.batch = sizes.batch,
                            .tokens = sizes.tokens,
                            .zero_padding_states = request.options.zero_padding_states};
  return build_bert_text(bert, shape, weights);
}

Result<graph::Graph> build_autoencoder(NetworkClass network, const nlohmann::json& config,
                                       const std::string& origin, const NetworkRequest& request,
                                       const TensorSource* weights) {
  const PictureShape shape{
      .batch = request.sizes.batch, .height = request.sizes.height, .width = request.sizes.width};
  const bool decodes = request.role == NetworkRole::vae_decoder;
  if (network == NetworkClass::autoencoder_kl) {
    EF_TRY(const VaeConfig vae, parse_vae_config(config, origin));
    return decodes ? build_vae_decoder(vae, shape, weights)
                   : build_vae_encoder(vae, shape, weights);
  }
  EF_TRY(const TaesdConfig taesd, parse_taesd_config(config, origin));
  return decodes ? build_taesd_decoder(taesd, shape, weights)
                 : build_taesd_encoder(taesd, shape, weights);
}

bool fills(NetworkClass network, NetworkRole role) {
  switch (network) {
    case NetworkClass::unet_2d_condition:
      return role == NetworkRole::unet;
    case NetworkClass::clip_text:
    case NetworkClass::bert_text:
      return role == NetworkRole::text_encoder;
    case NetworkClass::autoencoder_kl:
    case NetworkClass::autoencoder_tiny:
      return role == NetworkRole::vae_decoder || role == NetworkRole::vae_encoder;
    case NetworkClass::image_text:
      return role == NetworkRole::image_encoder;
  }
  return false;
}

Result<NetworkClass> class_for(NetworkRole role, const nlohmann::json& config,
                               const std::string& origin) {
  EF_TRY(const NetworkClass network, network_class(config, origin));
  if (fills(network, role)) return network;
  return fail(ErrorCode::unsupported, origin + ": a " + std::string(to_string(network)) +
                                          " cannot be the " + std::string(to_string(role)));
}

}  // namespace

std::string_view to_string(NetworkClass network) {
  for (const ClassName& entry : kClassNames) {
    if (entry.network == network) return entry.name;
  }
  return "";
}

std::string_view to_string(NetworkRole role) { return kRoleNames[static_cast<size_t>(role)]; }

Result<NetworkRole> parse_network_role(std::string_view name) {
  std::string known;
  for (size_t i = 0; i < kRoleNames.size(); ++i) {
    if (kRoleNames[i] == name) return static_cast<NetworkRole>(i);
    known.append(i == 0 ? "" : ", ").append(kRoleNames[i]);
  }
  return fail(ErrorCode::invalid_argument,
              "network " + printable(name) + ": expected one of " + known);
}

Result<NetworkClass> network_class(const nlohmann::json& config, const std::string& origin) {
  std::optional<std::string> name;
  if (config.is_object()) {
    name = first_string(config, "_class_name");
    if (!name) name = first_string(config, "architectures");
    if (name) {
      if (const auto network = look_up(kClassNames, *name)) return *network;
    } else if ((name = first_string(config, "model_type"))) {
      if (const auto network = look_up(kModelTypes, *name)) return *network;
    }
  }
  const std::string found = name ? "class \"" + printable(*name) + "\"" : "no class name";
  return fail(ErrorCode::unsupported,
              origin + ": " + found + ", expected one of " + known_classes());
}

Result<int64_t> text_vocabulary(const nlohmann::json& config, const std::string& origin) {
  EF_TRY(const NetworkClass network, class_for(NetworkRole::text_encoder, config, origin));
  if (network == NetworkClass::clip_text) {
    EF_TRY(const ClipTextConfig clip, parse_clip_text_config(config, origin));
    return clip.vocab_size;
  }
  EF_TRY(const BertTextConfig bert, parse_bert_text_config(config, origin));
  return bert.vocab_size;
}

Result<graph::Graph> build_network(const nlohmann::json& config, const std::string& origin,
                                   const NetworkRequest& request, const TensorSource* weights) {
  EF_TRY(const NetworkClass network, class_for(request.role, config, origin));
  switch (request.role) {
    case NetworkRole::text_encoder:
      return build_text(network, config, origin, request, weights);
    case NetworkRole::unet: {
      EF_TRY(const UNetConfig unet, parse_unet_config(config, origin));
      const NetworkSizes& sizes = request.sizes;
      return build_unet(unet, {sizes.batch, sizes.height, sizes.width, sizes.tokens}, weights);
    }
    case NetworkRole::image_encoder: {
      EF_TRY(const ImageTowerConfig tower, parse_image_tower_config(config, origin));
      return build_image_tower(tower, request.sizes.batch, weights);
    }
    case NetworkRole::vae_decoder:
    case NetworkRole::vae_encoder:
      break;
  }
  return build_autoencoder(network, config, origin, request, weights);
}

int64_t parameter_count(const graph::Graph& graph) {
  int64_t count = 0;
  for (const graph::Node& node : graph.nodes()) {
    if (node.op == graph::OpKind::weight) count += graph.value(node.output).shape.elements();
  }
  return count;
}

}  // namespace edgefusion::models
