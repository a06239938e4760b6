#include "train/run_config.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string_view>

#include "core/config_fields.h"
#include "core/content_hash.h"

namespace edgefusion::train {
namespace {

constexpr IntRange kCounts = {1, int64_t{1} << 40};

/// Fields that may differ between two parts of one run: how long it goes on, what it tells, where.
constexpr std::array<std::string_view, 12> kFreeFields = {
    "steps",       "log_every", "checkpoint_every", "process_timeout_s", "device",
    "description", "out",       "sheet_prompts",    "sheet_steps",       "sheet_guidance_scale",
    "val_shards",  "cache"};
constexpr size_t kLongestTold = 60;

/// Without the folders of paths.
nlohmann::json bare(const nlohmann::json& value) {
  if (value.is_string()) return std::filesystem::path(value.get<std::string>()).filename().string();
  if (!value.is_array()) return value;
  nlohmann::json all = nlohmann::json::array();
  for (const nlohmann::json& one : value) all.push_back(bare(one));
  return all;
}

std::string told(const nlohmann::json& value) {
  if (value.is_null()) return "not said";
  const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() <= kLongestTold) return text;
  return text.substr(0, kLongestTold) + "...";
}

}  // namespace

std::vector<std::string> changed_fields(const nlohmann::json& before, const nlohmann::json& now) {
  std::set<std::string> keys;
  for (const auto* object : {&before, &now}) {
    for (const auto& [key, value] : object->items()) keys.insert(key);
  }
  std::vector<std::string> changed;
  for (const std::string& key : keys) {
    if (std::ranges::find(kFreeFields, key) != kFreeFields.end()) continue;
    const nlohmann::json old = before.value(key, nlohmann::json()),
                         own = now.value(key, nlohmann::json());
    if (bare(old) == bare(own)) continue;
    changed.push_back(key + ": " + told(own) + ", " + told(old) + " before");
  }
  return changed;
}

uint64_t fingerprint(const nlohmann::json& written) {
  nlohmann::json counted = nlohmann::json::object();
  for (const auto& [key, value] : written.items()) {
    if (std::ranges::find(kFreeFields, key) == kFreeFields.end()) counted[key] = bare(value);
  }
  const std::string text = counted.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return hash64(std::as_bytes(std::span(text)));
}

void read_run_fields(ConfigFields& fields, RunConfig& config) {
  ConfigReader& reader = fields.reader;
  config.written = fields.written();
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
  config.cache = fields.optional_path("cache");
  if (config.cache.empty()) config.cache = config.out;
  config.log_every = reader.integer("log_every", config.log_every, kCounts);
  config.checkpoint_every = reader.integer("checkpoint_every", config.checkpoint_every, kCounts);
  config.process_timeout_s =
      reader.integer("process_timeout_s", config.process_timeout_s, {1, 1000000});
}

}  // namespace edgefusion::train
