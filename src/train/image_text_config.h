#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/result.h"
#include "shards/sample_filter.h"
#include "train/run_config.h"

namespace edgefusion::train {

/// What `train image_text` reads from its config file.
struct ImageTextConfig : RunConfig {
  std::filesystem::path text_model;  ///< folder with text_encoder and tokenizer, which stay frozen
  nlohmann::json network;            ///< config.json of an ImageTextModel, but for its text_width

  // The data
  std::vector<std::filesystem::path> shards;
  shards::SampleFilter where;                     ///< samples of them to use; none: all
  std::vector<std::filesystem::path> val_shards;  ///< for the report at the end; may be empty
  int64_t report_captions = 200;                  ///< the report retrieves among so many
  double zoom = 0.15;   ///< pictures are scaled by factors from 1 - zoom to 1 + zoom
  double shift = 0.08;  ///< and moved by at most this share of their side, each way

  // The loss
  double temperature = 0.07;  ///< at first; it is learned
  int64_t extra_texts = 0;    ///< captions of other pictures, drawn beside each batch

  /// Errors: bad_file that lists everything that is wrong; an unknown field with the nearest name.
  static Result<ImageTextConfig> parse(const nlohmann::json& json,
                                       const std::filesystem::path& file);
};

}  // namespace edgefusion::train
