#include "train/train_config.h"

#include <array>
#include <cmath>

#include "core/json.h"
#include "core/nearest_name.h"
#include "train/block_removal.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 34> kFields = {"model",
                                                      "unet",
                                                      "encoder",
                                                      "shards",
                                                      "resolution",
                                                      "caption_dropout",
                                                      "flip",
                                                      "min_snr_gamma",
                                                      "noise_offset",
                                                      "steps",
                                                      "batch",
                                                      "accumulate",
                                                      "learning_rate",
                                                      "warmup_steps",
                                                      "schedule",
                                                      "weight_decay",
                                                      "clip_norm",
                                                      "ema_decay",
                                                      "bf16",
                                                      "seed",
                                                      "out",
                                                      "log_every",
                                                      "checkpoint_every",
                                                      "description",
                                                      "removal",
                                                      "task_weight",
                                                      "output_weight",
                                                      "feature_weight",
                                                      "student",
                                                      "guidance_min",
                                                      "guidance_max",
                                                      "solver_points",
                                                      "huber_c",
                                                      "w_embedding"};

constexpr IntRange kCounts = {1, int64_t{1} << 40};

/// Numbers with a range, told like everything else that is wrong.
class Fields {
 public:
  Fields(const nlohmann::json& json, const fs::path& file)
      : reader(json, file.string()), folder_(file.parent_path()) {}

  double number(const char* key, double fallback, double least, double most) {
    const double value = reader.number(key, fallback);
    if (value >= least && value <= most) return value;
    reader.complain(key, "a number from " + text(least) + " to " + text(most), text(value));
    return fallback;
  }

  fs::path path(const char* key) { return resolved(reader.string(key)); }
  fs::path optional_path(const char* key) {
    const std::string value = reader.string(key, "");
    return value.empty() ? fs::path() : resolved(value);
  }
  std::vector<fs::path> paths(const char* key) {
    std::vector<fs::path> found;
    for (const std::string& value : reader.string_list(key)) found.push_back(resolved(value));
    if (found.empty()) reader.complain(key, "a list of files", "none");
    return found;
  }

  ConfigReader reader;

 private:
  static std::string text(double value) { return nlohmann::json(value).dump(); }
  fs::path resolved(const fs::path& path) const {
    return path.is_absolute() ? path : folder_ / path;
  }

  fs::path folder_;
};

void read_data(Fields& fields, TrainConfig& config) {
  config.shards = fields.paths("shards");
  config.resolution = fields.reader.integer("resolution", config.resolution, {8, 4096});
  config.caption_dropout = fields.number("caption_dropout", config.caption_dropout, 0, 1);
  config.flip = fields.reader.boolean("flip", config.flip);
}

void read_distillation(Fields& fields, TrainConfig& config) {
  config.removal = fields.reader.string("removal");
  const auto removal = parse_block_removal(config.removal);
  if (!removal) {
    fields.reader.complain("removal", "\"base\", \"small\" or \"tiny\"",
                           "\"" + printable(config.removal) + "\"");
  }
  config.task_weight = fields.number("task_weight", config.task_weight, 0, 1e6);
  config.output_weight = fields.number("output_weight", config.output_weight, 0, 1e6);
  config.feature_weight = fields.number("feature_weight", config.feature_weight, 0, 1e6);
}

void read_consistency(Fields& fields, TrainConfig& config) {
  config.student = fields.path("student");
  config.caption_dropout = 0;  // guidance is the teacher's part
  config.ema_decay = 0.95;
  config.guidance_min = fields.number("guidance_min", config.guidance_min, 0, 100);
  config.guidance_max =
      fields.number("guidance_max", config.guidance_max, config.guidance_min, 100);
  config.solver_points = fields.reader.integer("solver_points", config.solver_points, {1, 1000});
  config.huber_c = fields.number("huber_c", config.huber_c, 0, 10);
  config.w_embedding = fields.reader.boolean("w_embedding", config.w_embedding);
}

void read_optimiser(Fields& fields, TrainConfig& config) {
  ConfigReader& reader = fields.reader;
  config.steps = reader.integer("steps", config.steps, kCounts);
  config.batch = reader.integer("batch", config.batch, {1, 65536});
  config.accumulate = reader.integer("accumulate", config.accumulate, {1, 65536});
  config.learning_rate = fields.number("learning_rate", config.learning_rate, 0, 1);
  config.warmup_steps = reader.integer("warmup_steps", config.warmup_steps, {0, kCounts.max});
  config.schedule = reader.string("schedule", config.schedule);
  if (config.schedule != "constant" && config.schedule != "cosine") {
    reader.complain("schedule", "\"constant\" or \"cosine\"", printable(config.schedule));
  }
  config.weight_decay = fields.number("weight_decay", config.weight_decay, 0, 10);
  config.clip_norm = fields.number("clip_norm", config.clip_norm, 0, 1e6);
  config.ema_decay = fields.number("ema_decay", config.ema_decay, 0, 0.9999999);
  config.bf16 = reader.boolean("bf16", config.bf16);
  config.seed = static_cast<uint64_t>(
      reader.integer("seed", static_cast<int64_t>(config.seed), {0, INT64_MAX}));
}

void read_run(Fields& fields, TrainConfig& config) {
  config.out = fields.path("out");
  config.log_every = fields.reader.integer("log_every", config.log_every, kCounts);
  config.checkpoint_every =
      fields.reader.integer("checkpoint_every", config.checkpoint_every, kCounts);
}

}  // namespace

Result<TrainConfig> TrainConfig::parse(const nlohmann::json& json, const fs::path& file,
                                       TrainTask task) {
  Fields fields(json, file);
  TrainConfig config;
  config.task = task;
  config.model = fields.path("model");
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
  read_optimiser(fields, config);
  read_run(fields, config);
  (void)fields.reader.string("description", "");
  for (const std::string& key : fields.reader.unread_keys()) {
    fields.reader.complain(key, "a known field", unknown_name_message("field", key, kFields));
  }
  EF_TRY_STATUS(fields.reader.status());
  return config;
}

}  // namespace edgefusion::train
