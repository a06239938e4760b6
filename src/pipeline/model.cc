#include "pipeline/model.h"

#include "diffusion/scheduler_config.h"
#include "models/registry.h"
#include "models/taesd_config.h"
#include "models/vae_config.h"

namespace edgefusion::pipeline {
namespace {

template <typename Config>
LatentSpace latent_space_of(const Config& config) {
  return {.channels = config.latent_channels,
          .pixels_per_latent = config.pixels_per_latent(),
          .scaling_factor = config.scaling_factor};
}

}  // namespace

Result<std::unique_ptr<text::Tokenizer>> open_tokenizer(const formats::ModelFolder& folder) {
  if (folder.bundle != nullptr) {
    auto tokenizer = text::parse_tokenizer(folder.tokenizer_files);
    if (tokenizer) return tokenizer;
    return fail(std::move(tokenizer).error().with_context(folder.path.string()));
  }
  if (folder.tokenizer) return text::open_tokenizer(*folder.tokenizer);
  return fail(ErrorCode::not_found, folder.path.string() + ": no tokenizer folder");
}

Result<std::shared_ptr<const Model>> Model::open(const std::filesystem::path& path) {
  auto model = std::make_shared<Model>();
  EF_TRY(model->folder_, formats::open_model(path));
  if (model->folder_.pipeline_class.empty()) {
    return fail(ErrorCode::unsupported,
                path.string() + ": a single network; expected a pipeline (model_index.json)");
  }
  EF_TRY(model->quantization_, read_quantization(model->folder_));
  EF_TRY_STATUS(model->read_unet());
  EF_TRY_STATUS(model->read_latent_space());
  EF_TRY_STATUS(model->read_text());
  EF_TRY_STATUS(model->check_fit());
  return std::shared_ptr<const Model>(std::move(model));
}

std::shared_ptr<const Model> Model::with_weights(
    const std::string& role, std::shared_ptr<const TensorSource> weights) const {
  auto changed = std::make_shared<Model>(*this);
  changed->folder_.networks.at(role).weights = std::move(weights);
  return changed;
}

const formats::NetworkFiles& Model::network(const char* role) const {
  const formats::NetworkFiles* files = folder_.network(role);
  EF_CHECK(files != nullptr, std::string(role) + ": a pipeline has all three networks");
  return *files;
}

Status Model::read_unet() {
  const formats::NetworkFiles& files = network("unet");
  EF_TRY(const models::NetworkClass kind, models::network_class(files.config, files.config_origin));
  if (kind != models::NetworkClass::unet_2d_condition) {
    return fail(ErrorCode::unsupported, files.config_origin + ": class " +
                                            std::string(models::to_string(kind)) +
                                            ", expected UNet2DConditionModel");
  }
  EF_TRY(unet_, models::parse_unet_config(files.config, files.config_origin));
  return {};
}

Status Model::read_latent_space() {
  const formats::NetworkFiles& files = network("vae");
  EF_TRY(const models::NetworkClass kind, models::network_class(files.config, files.config_origin));
  if (kind == models::NetworkClass::autoencoder_tiny) {
    EF_TRY(const auto config, models::parse_taesd_config(files.config, files.config_origin));
    latent_space_ = latent_space_of(config);
  } else {
    EF_TRY(const auto config, models::parse_vae_config(files.config, files.config_origin));
    latent_space_ = latent_space_of(config);
  }
  return {};
}

Status Model::read_text() {
  std::optional<int64_t> native_size;
  if (unet_.sample_size) native_size = *unet_.sample_size * latent_space_.pixels_per_latent;
  EF_TRY(scheduler_config_,
         diffusion::parse_scheduler_json(folder_.scheduler_text, folder_.scheduler_origin));
  EF_TRY(defaults_, parse_generation_defaults(folder_, native_size));
  EF_TRY(tokenizer_, open_tokenizer(folder_));
  text_tokens_ = defaults_.text_tokens.value_or(tokenizer_->model_max_length());
  return {};
}

Status Model::check_fit() const {
  const std::string place = folder_.path.string() + ": ";
  if (unet_.in_channels != latent_space_.channels) {
    return fail(ErrorCode::unsupported,
                place + "unet: in_channels " + std::to_string(unet_.in_channels) +
                    ", expected the " + std::to_string(latent_space_.channels) +
                    " channels of the autoencoder's latents (inpainting U-Nets take more)");
  }
  if (unet_.out_channels != latent_space_.channels) {
    return fail(ErrorCode::bad_file, place + "unet: out_channels " +
                                         std::to_string(unet_.out_channels) + ", expected " +
                                         std::to_string(latent_space_.channels));
  }
  EF_TRY(const graph::Graph text, text_encoder_graph(1, 0));
  const int64_t width = text.value(text.outputs()[0]).shape[-1];
  if (unet_.context_width() != 0 && unet_.context_width() != width) {
    return fail(ErrorCode::bad_file, place + "text states are " + std::to_string(width) +
                                         " wide, expected cross_attention_dim " +
                                         std::to_string(unet_.context_width()));
  }
  const formats::NetworkFiles& text_files = network("text_encoder");
  EF_TRY(const int64_t rows, models::text_vocabulary(text_files.config, text_files.config_origin));
  if (tokenizer_->vocab_size() > rows) {
    return fail(ErrorCode::bad_file,
                place + "tokenizer: " + std::to_string(tokenizer_->vocab_size()) +
                    " ids, expected at most the text encoder's vocab_size " + std::to_string(rows));
  }
  return {};
}

Result<graph::Graph> Model::text_encoder_graph(int64_t batch, int clip_skip) const {
  const formats::NetworkFiles& files = network("text_encoder");
  const models::NetworkRequest request = {
      .role = models::NetworkRole::text_encoder,
      .sizes = {.batch = batch, .tokens = text_tokens_},
      .options = {.clip_skip = clip_skip, .zero_padding_states = defaults_.zero_padding_states}};
  return models::build_network(files.config, files.config_origin, request, files.weights.get());
}

Result<graph::Graph> Model::unet_graph(int64_t batch, int64_t height, int64_t width) const {
  const formats::NetworkFiles& files = network("unet");
  const models::NetworkRequest request = {
      .role = models::NetworkRole::unet,
      .sizes = {.batch = batch, .height = height, .width = width, .tokens = text_tokens_},
      .options = {}};
  return models::build_network(files.config, files.config_origin, request, files.weights.get());
}

Result<graph::Graph> Model::decoder_graph(int64_t batch, int64_t height, int64_t width) const {
  const formats::NetworkFiles& files = network("vae");
  const models::NetworkRequest request = {
      .role = models::NetworkRole::vae_decoder,
      .sizes = {.batch = batch, .height = height, .width = width, .tokens = text_tokens_},
      .options = {}};
  return models::build_network(files.config, files.config_origin, request, files.weights.get());
}

}  // namespace edgefusion::pipeline
