#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/result.h"
#include "train/run_config.h"

namespace edgefusion::train {

/// What `train text` reads from its config file.
struct TextConfig : RunConfig {
  std::filesystem::path teacher;  ///< folder with text_encoder and tokenizer
  int64_t layers = 3;             ///< of the student; its width is the teacher's
  int64_t vocabulary_size = 8000;

  // The texts
  std::vector<std::filesystem::path> shards;      ///< for their captions
  std::vector<std::filesystem::path> texts;       ///< files with one text a line
  std::filesystem::path wordnet;                  ///< folder of data.noun and the like; empty: none
  std::vector<std::filesystem::path> val_shards;  ///< captions for the report alone
  int64_t held_out_words = 1000;                  ///< of the dictionary, for the report alone

  // The task
  int64_t max_tokens = 24;       ///< of a text, for teacher and student
  double sentence_weight = 1.0;  ///< of the term of whole texts
  double caption_share = 0.5;    ///< of a batch; the rest are lines of the dictionary

  /// Errors: bad_file that lists everything that is wrong; an unknown field with the nearest name.
  static Result<TextConfig> parse(const nlohmann::json& json, const std::filesystem::path& file);
};

}  // namespace edgefusion::train
