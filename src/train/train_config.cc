#include "train/train_config.h"

#include "core/config_fields.h"
#include "core/json.h"
#include "train/block_removal.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

void read_lora(ConfigFields& fields, TrainConfig& config) {
  config.lora.rank = fields.reader.integer("lora_rank", 0, {0, 4096});
  config.lora.alpha = fields.number("lora_alpha", 0, 0, 1e6);
  config.lora.targets = fields.reader.string_list("lora_targets", config.lora.targets);
  if (config.lora.rank > 0 && config.lora.targets.empty()) {
    fields.reader.complain("lora_targets", "layers", "none");
  }
  // Adapters are for any weights of an architecture, which have no such input.
  if (config.lora.rank > 0) config.w_embedding = false;
}

void read_data(ConfigFields& fields, TrainConfig& config) {
  config.shards = fields.paths("shards");
  config.where = shards::read_sample_filter(fields);
  config.resolution = fields.reader.integer("resolution", config.resolution, {8, 4096});
  config.caption_dropout = fields.number("caption_dropout", config.caption_dropout, 0, 1);
  config.crop = fields.choice("crop", config.crop, {"centre", "random"});
  config.flip = fields.reader.boolean("flip", config.flip);
  config.latents = fields.choice("latents", config.latents, {"f16", "u8"});
  config.text_states = fields.choice("text_states", config.text_states, {"f16", "none"});
}

void read_distillation(ConfigFields& fields, TrainConfig& config) {
  if (fields.reader.raw("removal").is_array()) {
    config.removal = fields.reader.string_list("removal");
  } else {
    config.removal = {fields.reader.string("removal")};
  }
  const Status removal = check_block_removal(config.removal);
  if (!removal) {
    fields.reader.complain("removal", "\"base\", \"small\", \"tiny\" or a list of values",
                           removal.error().message());
  }
  config.task_weight = fields.number("task_weight", config.task_weight, 0, 1e6);
  config.output_weight = fields.number("output_weight", config.output_weight, 0, 1e6);
  config.feature_weight = fields.number("feature_weight", config.feature_weight, 0, 1e6);
}

void read_consistency(ConfigFields& fields, TrainConfig& config) {
  config.student = fields.path("student");
  config.caption_dropout = 0;  // guidance is the teacher's part
  config.ema_decay = 0.95;
  config.guidance_min = fields.number("guidance_min", config.guidance_min, 0, 100);
  config.guidance_max =
      fields.number("guidance_max", config.guidance_max, config.guidance_min, 100);
  config.solver_points = fields.reader.integer("solver_points", config.solver_points, {1, 1000});
  config.huber_c = fields.number("huber_c", config.huber_c, 0, 10);
  config.w_embedding = fields.reader.boolean("w_embedding", config.w_embedding);
  config.image_weight = fields.number("image_weight", 0, 0, 1e6);
  config.decoder = fields.optional_path("decoder");
  config.adversarial_weight = fields.number("adversarial_weight", 0, 0, 1e6);
  config.adversarial_from = fields.reader.integer("adversarial_from", 0, {0, int64_t{1} << 40});
  if (config.lora.rank > 0 && config.w_embedding) {
    fields.reader.complain("w_embedding", "false with lora_rank", "true");
  }
}

}  // namespace

Result<TrainConfig> TrainConfig::parse(const nlohmann::json& json, const fs::path& file,
                                       TrainTask task) {
  ConfigFields fields(json, file);
  TrainConfig config;
  config.task = task;
  config.model = fields.path("model");
  read_lora(fields, config);
  if (task == TrainTask::finetune) {
    config.unet = fields.reader.raw("unet");
    if (!config.unet.is_null() && !config.unet.is_object()) {
      fields.reader.complain("unet", "an object", describe(config.unet));
    }
  } else if (task == TrainTask::distill) {
    read_distillation(fields, config);
  } else {
    read_consistency(fields, config);
  }
  config.encoder = fields.optional_path("encoder");
  read_data(fields, config);
  config.min_snr_gamma = fields.number("min_snr_gamma", config.min_snr_gamma, 0, 1e6);
  config.noise_offset = fields.number("noise_offset", config.noise_offset, 0, 1);
  config.sheet.prompts = fields.reader.string_list("sheet_prompts", std::vector<std::string>());
  config.sheet.steps = fields.reader.integer("sheet_steps", 0, {0, 1000});
  config.sheet.guidance_scale = fields.number("sheet_guidance_scale", 0, 0, 100);
  read_run_fields(fields, config);
  config.activation_checkpointing = fields.reader.boolean("activation_checkpointing", false);
  EF_TRY_STATUS(fields.finish());
  return config;
}

}  // namespace edgefusion::train
