#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/result.h"
#include "data/scene_kinds.h"
#include "shards/sample_filter.h"

namespace edgefusion::data {

/// What `data synthesize` reads from its config file.
struct SynthesizeConfig {
  std::vector<std::filesystem::path> shards;  ///< captioned objects on white
  shards::SampleFilter where;                 ///< samples of them to use; none: all
  double min_coverage = 0.05;                 ///< share of its picture that an object covers

  int64_t scenes = 1000;
  std::array<double, kSceneKinds> weights{};  ///< how often each kind comes, in the table's order
  int64_t resolution = 256;                   ///< pixels a side
  uint64_t seed = 0;

  std::filesystem::path out;  ///< folder, not there yet
  int64_t scenes_per_shard = 2000;
  double quality = 90;  ///< of the WebP pictures, 0 to 100

  /// Errors: bad_file that lists everything that is wrong; an unknown field with the nearest name.
  static Result<SynthesizeConfig> parse(const nlohmann::json& json,
                                        const std::filesystem::path& file);
};

}  // namespace edgefusion::data
