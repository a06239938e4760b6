#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "core/result.h"
#include "core/tensor.h"
#include "models/bert_text_config.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"
#include "text/vocabulary.h"

namespace edgefusion::train {

/// A BERT text encoder with its tokenizer, as a pipeline's folder has them.
struct TextTeacher {
  nlohmann::json config;  ///< of its network
  std::string origin;     ///< path of the config, for messages
  models::BertTextConfig bert;
  std::shared_ptr<const TensorSource> weights;
  std::string prefix;  ///< of its names in the weight file: "" or "bert."

  text::TokenizerFiles tokenizer_files;
  text::TokenizerConfig settings;
  text::Vocabulary vocabulary;
  std::unique_ptr<const text::Tokenizer> tokenizer;
};

/// Opens `folder`/text_encoder and `folder`/tokenizer. Errors: not_found, bad_file; unsupported
/// for another network than BertModel or another tokenizer than WordPiece of a vocab.txt.
Result<TextTeacher> open_text_teacher(const std::filesystem::path& folder);

}  // namespace edgefusion::train
