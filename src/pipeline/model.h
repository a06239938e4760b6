#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/result.h"
#include "formats/diffusers_folder.h"
#include "graph/graph.h"
#include "models/unet_config.h"
#include "pipeline/generation_defaults.h"
#include "pipeline/model_quantization.h"
#include "text/tokenizer.h"

namespace edgefusion::pipeline {

/// How the autoencoder's latents relate to pictures.
struct LatentSpace {
  int64_t channels = 4;
  int64_t pixels_per_latent = 8;  ///< per side
  float scaling_factor = 1.0f;    ///< latents of the U-Net = latents of the decoder * this
};

/// The tokenizer of an opened model. Errors: not_found, and those of text::parse_tokenizer.
Result<std::unique_ptr<text::Tokenizer>> open_tokenizer(const formats::ModelFolder& folder);

/// A text-to-image model opened: every config read and checked, weights mapped, nothing compiled.
/// Immutable; safe to share between threads.
class Model {
 public:
  /// A folder in the diffusers layout, or a bundle. Errors: not_found, bad_file, unsupported; parts
  /// that do not fit together (tokenizer and embedding table, U-Net and text states, latents) are
  /// bad_file.
  static Result<std::shared_ptr<const Model>> open(const std::filesystem::path& path);

  /// The same with other weights of one network, of the same names and shapes.
  std::shared_ptr<const Model> with_weights(const std::string& role,
                                            std::shared_ptr<const TensorSource> weights) const;

  const formats::ModelFolder& folder() const { return folder_; }
  const formats::NetworkFiles& network(const char* role) const;
  const text::Tokenizer& tokenizer() const { return *tokenizer_; }
  const models::UNetConfig& unet() const { return unet_; }
  const LatentSpace& latent_space() const { return latent_space_; }
  const GenerationDefaults& defaults() const { return defaults_; }
  const nlohmann::json& scheduler_config() const { return scheduler_config_; }
  bool is_quantized() const { return !quantization_.empty(); }
  const ModelQuantization& quantization() const { return quantization_; }
  /// Tokens a prompt is padded or cut to.
  int64_t text_tokens() const { return text_tokens_; }

  /// Graphs at given sizes, checked against the weights. height and width in latent pixels.
  Result<graph::Graph> text_encoder_graph(int64_t batch, int clip_skip) const;
  Result<graph::Graph> unet_graph(int64_t batch, int64_t height, int64_t width) const;
  Result<graph::Graph> decoder_graph(int64_t batch, int64_t height, int64_t width) const;

 private:
  Status read_unet();
  Status read_latent_space();
  Status read_text();
  Status check_fit() const;

  formats::ModelFolder folder_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  models::UNetConfig unet_;
  LatentSpace latent_space_;
  GenerationDefaults defaults_;
  nlohmann::json scheduler_config_;
  ModelQuantization quantization_;
  int64_t text_tokens_ = 0;
};

}  // namespace edgefusion::pipeline
