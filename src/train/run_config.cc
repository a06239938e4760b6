#include "train/run_config.h"

#include "core/config_fields.h"

namespace edgefusion::train {
namespace {

constexpr IntRange kCounts = {1, int64_t{1} << 40};

}  // namespace

void read_run_fields(ConfigFields& fields, RunConfig& config) {
  ConfigReader& reader = fields.reader;
  config.steps = reader.integer("steps", config.steps, kCounts);
  config.batch = reader.integer("batch", config.batch, {1, 65536});
  config.accumulate = reader.integer("accumulate", config.accumulate, {1, 65536});
  config.optimizer = fields.choice("optimizer", config.optimizer, {"adamw", "muon"});
  config.learning_rate = fields.number("learning_rate", config.learning_rate, 0, 1);
  config.warmup_steps = reader.integer("warmup_steps", config.warmup_steps, {0, kCounts.max});
  config.schedule = fields.choice("schedule", config.schedule, {"constant", "cosine"});
  config.weight_decay = fields.number("weight_decay", config.weight_decay, 0, 10);
  config.clip_norm = fields.number("clip_norm", config.clip_norm, 0, 1e6);
  config.ema_decay = fields.number("ema_decay", config.ema_decay, 0, 0.9999999);
  config.device = fields.choice("device", config.device, {"auto", "cpu", "cuda"});
  config.bf16 = reader.boolean("bf16", config.bf16);
  config.seed = static_cast<uint64_t>(
      reader.integer("seed", static_cast<int64_t>(config.seed), {0, INT64_MAX}));
  config.out = fields.path("out");
  config.log_every = reader.integer("log_every", config.log_every, kCounts);
  config.checkpoint_every = reader.integer("checkpoint_every", config.checkpoint_every, kCounts);
  config.process_timeout_s =
      reader.integer("process_timeout_s", config.process_timeout_s, {1, 1000000});
}

}  // namespace edgefusion::train
