#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/result.h"
#include "shards/sample_filter.h"
#include "train/lora_config.h"
#include "train/run_config.h"
#include "train/sample_sheet.h"

namespace edgefusion::train {

/// finetune: diffusion training of a model's U-Net, from its weights or from scratch. distill: the
/// model's U-Net is the teacher of a student made of its own blocks. lcm: it is the teacher of a
/// student that learns to paint in a few steps.
enum class TrainTask : uint8_t { finetune, distill, lcm };

/// What the tasks that train a U-Net read from their config files.
struct TrainConfig : RunConfig {
  TrainTask task = TrainTask::finetune;

  // The model
  std::filesystem::path model;  ///< diffusers folder: text encoder, autoencoder, schedule, U-Net
  /// config.json of a U-Net to begin from scratch instead; null: the model's own, with its weights.
  nlohmann::json unet;
  std::filesystem::path encoder;  ///< folder of an autoencoder whose encoder makes the latents;
                                  ///< empty: the model's own

  // The data
  std::vector<std::filesystem::path> shards;
  shards::SampleFilter where;  ///< samples of them to use; none: all
  int64_t resolution = 256;    ///< pixels; pictures are scaled and cut to it
  double caption_dropout = 0.1;
  std::string crop = "centre";  ///< or "random": where along the longer side the square lies
  bool flip = false;  ///< half of the pictures are mirrored, where captions allow (mirroring.h)
  std::string latents = "f16";      ///< how the cache keeps them; or "u8" (latent_bytes.h)
  std::string text_states = "f16";  ///< how it keeps what the text encoder gives; or "none"

  bool activation_checkpointing = false;  ///< less memory, a little more time

  /// Trains adapters instead of the weights.
  LoraConfig lora;

  // The task
  double min_snr_gamma = 5.0;  ///< 0: every timestep weighs the same
  double noise_offset = 0.0;   ///< a normal shift of each channel's noise of that size

  SheetConfig sheet;  ///< pictures at every checkpoint

  // Distillation
  std::vector<std::string> removal;  ///< a name or values; see block_removal.h
  double task_weight = 1.0, output_weight = 1.0, feature_weight = 1.0;  ///< of the loss's terms

  // Latent consistency distillation
  std::filesystem::path student;                   ///< folder whose U-Net the student begins as
  double guidance_min = 2.0, guidance_max = 14.0;  ///< w, drawn evenly for each sample
  int64_t solver_points = 50;
  double huber_c = 0.001;         ///< of the pseudo-Huber loss; 0: squared errors
  bool w_embedding = true;        ///< adds an input for w where the student has none
  double image_weight = 0;        ///< of differences between pictures
  std::filesystem::path decoder;  ///< folder of the autoencoder they are decoded with; empty: the
                                  ///< model's own
  double adversarial_weight = 0;  ///< of the latent critic's verdict (latent_critic.h)
  int64_t adversarial_from = 0;   ///< first step with it

  /// Errors: bad_file that lists everything that is wrong; an unknown field with the nearest name.
  static Result<TrainConfig> parse(const nlohmann::json& json, const std::filesystem::path& file,
                                   TrainTask task = TrainTask::finetune);
};

}  // namespace edgefusion::train
