#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "core/activation.h"
#include "core/result.h"

namespace edgefusion::models {

/// What transformers' CLIPTextModel reads from its config.json. SD 1.x: 768 wide, quick_gelu;
/// SD 2.x: 1024 wide, gelu.
struct ClipTextConfig {
  int64_t vocab_size = 49408;
  int64_t width = 512;
  int64_t inner_width = 2048;  ///< of the feed-forward
  int layers = 12;
  int heads = 8;
  int64_t max_tokens = 77;
  Activation activation = Activation::quick_gelu;
  float layer_norm_eps = 1e-5f;
  int64_t projection_width = 512;
  bool has_projection = false;  ///< CLIPTextModelWithProjection
  /// Whose state is the pooled one; 2 is the mistake of old configs and means the largest id.
  int32_t end_token = 49407;
};

/// Errors: one bad_file that lists every complaint, unknown keys included.
Result<ClipTextConfig> parse_clip_text_config(const nlohmann::json& config,
                                              const std::string& origin);

}  // namespace edgefusion::models
