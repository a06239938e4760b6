#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "formats/diffusers_folder.h"

namespace edgefusion::pipeline {

/// What a model wants when the user says nothing: from its edgefusion.json, else from its pipeline
/// and scheduler class.
struct GenerationDefaults {
  int steps = 25;
  double guidance_scale = 7.5;
  int width = 512, height = 512;             ///< pixels
  std::string scheduler;                     ///< our name of the model's own scheduler
  std::string prompt_template = "{prompt}";  ///< "{prompt}" stands for the user's text
  std::optional<int64_t> text_tokens;  ///< length prompts are padded to; absent: the tokenizer's
  bool zero_padding_states = false;    ///< rows of padding become zeros

  /// The template with the prompt put in.
  std::string apply_template(std::string_view prompt) const;
};

/// `native_size`: pixels the U-Net was trained on, if its config says so.
/// Errors: bad_file for edgefusion.json (wrong types, unknown keys), unsupported scheduler class.
Result<GenerationDefaults> parse_generation_defaults(const formats::ModelFolder& folder,
                                                     std::optional<int64_t> native_size);

}  // namespace edgefusion::pipeline
