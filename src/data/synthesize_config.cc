#include "data/synthesize_config.h"

#include <numeric>

#include "core/config_fields.h"

namespace edgefusion::data {
namespace {

void read_kinds(ConfigFields& fields, SynthesizeConfig& config) {
  const bool chosen = fields.reader.has("kinds");
  ConfigReader kinds = fields.reader.object("kinds");
  for (size_t i = 0; i < kSceneKinds; ++i) {
    const SceneKind& kind = scene_kinds()[i];
    double& weight = config.weights[i];
    weight = kinds.number(kind.name, chosen ? 0.0 : kind.weight);
    if (weight < 0 || weight > 1e6) kinds.complain(kind.name, "a number from 0 to 1e6", "another");
  }
  ConfigFields::complain_about_strangers(kinds);
  if (std::accumulate(config.weights.begin(), config.weights.end(), 0.0) <= 0) {
    fields.reader.complain("kinds", "one with a weight above 0", "none");
  }
}

}  // namespace

Result<SynthesizeConfig> SynthesizeConfig::parse(const nlohmann::json& json,
                                                 const std::filesystem::path& file) {
  ConfigFields fields(json, file);
  ConfigReader& reader = fields.reader;
  SynthesizeConfig config;
  config.shards = fields.paths("shards");
  config.where = shards::read_sample_filter(fields);
  config.min_coverage = fields.number("min_coverage", config.min_coverage, 0, 1);
  config.scenes = reader.integer("scenes", config.scenes, {1, 100000000});
  read_kinds(fields, config);
  config.resolution = reader.integer("resolution", config.resolution, {64, 1024});
  config.seed = static_cast<uint64_t>(
      reader.integer("seed", static_cast<int64_t>(config.seed), {0, INT64_MAX}));
  config.out = fields.path("out");
  config.scenes_per_shard =
      reader.integer("scenes_per_shard", config.scenes_per_shard, {1, 1000000});
  config.quality = fields.number("quality", config.quality, 0, 100);
  EF_TRY_STATUS(fields.finish());
  return config;
}

}  // namespace edgefusion::data
