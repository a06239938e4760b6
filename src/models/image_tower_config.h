#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/result.h"

namespace edgefusion::models {

/// What config.json of an ImageTextModel says: an image tower, and the text vectors it is compared
/// with.
struct ImageTowerConfig {
  int64_t image_size = 128;                          ///< pixels a side
  std::vector<int64_t> widths = {32, 64, 128, 256};  ///< channels per stage, finest first
  std::vector<int64_t> blocks = {1, 1, 1, 1};        ///< residual blocks per stage
  int norm_groups = 8;
  int pool_heads = 8;
  int64_t embedding_width = 128;  ///< of the space that pictures and texts share
  int64_t text_width = 384;       ///< of a text's vector before its projection
  int64_t text_tokens = 32;       ///< longest text, begin and end included; the rest is cut

  /// Width of the features, before their projection.
  int64_t feature_width() const { return widths.back(); }
};

/// Errors: one bad_file that lists every complaint, unknown keys included.
Result<ImageTowerConfig> parse_image_tower_config(const nlohmann::json& config,
                                                  const std::string& origin);

}  // namespace edgefusion::models
