#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/tensor.h"
#include "formats/bundle.h"

namespace edgefusion::formats {

/// One network of a model: what its config says and where its weights are.
struct NetworkFiles {
  std::string class_name;     ///< "UNet2DConditionModel", "AutoencoderKL", "CLIPTextModel", ...
  nlohmann::json config;      ///< an object
  std::string config_origin;  ///< path of the config, for ConfigReader
  std::shared_ptr<const TensorSource> weights;
};

/// A model as published for the diffusers library.
struct ModelFolder {
  std::filesystem::path path;
  std::string pipeline_class;  ///< "StableDiffusionPipeline", ...; empty: a folder of one network
  /// By role: "text_encoder", "unet", "vae". All three in a pipeline, one otherwise, which may also
  /// be "image_encoder".
  std::map<std::string, NetworkFiles, std::less<>> networks;
  /// Text of scheduler_config.json, which diffusers writes with numbers that are no JSON; empty in
  /// a folder of one network.
  std::string scheduler_text;
  std::string scheduler_class;                     ///< "LCMScheduler", ...; empty as above
  std::string scheduler_origin;                    ///< path of the config
  std::optional<std::filesystem::path> tokenizer;  ///< folder; nothing in a bundle
  /// The files of a bundle's tokenizer, name -> contents.
  std::map<std::string, std::string, std::less<>> tokenizer_files;
  std::shared_ptr<const Bundle> bundle;  ///< the bundle all of it came from, or null
  nlohmann::json edgefusion;             ///< our edgefusion.json, or null

  /// The network of that role, or nullptr.
  const NetworkFiles* network(std::string_view role) const;
};

/// Opens a folder with model_index.json (a pipeline), or with the config.json and weights of one
/// network. All names inside are fixed or checked to be plain, so nothing outside of the folder is
/// reached but through symbolic links the user put there (the hub's cache is made of them).
/// Weights are looked for in the order of diffusers: full precision before fp16, the name of
/// diffusers before that of transformers, one file before shards.
/// Errors: not_found and bad_file naming the path; unsupported for pipeline classes outside of the
/// Stable Diffusion 1/2 family and for folders that hold only pickle weights (.bin, .ckpt), which
/// are never opened.
Result<ModelFolder> open_diffusers_folder(const std::filesystem::path& path);

/// The same, or a bundle (docs/bundle.md) if the path is that of a file. Errors: also those of
/// Bundle::open.
Result<ModelFolder> open_model(const std::filesystem::path& path);

/// Weights of the network in `folder`, found as above.
Result<std::shared_ptr<const TensorSource>> open_network_weights(
    const std::filesystem::path& folder);

}  // namespace edgefusion::formats
