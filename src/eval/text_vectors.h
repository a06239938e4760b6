#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "core/result.h"
#include "core/runtime.h"
#include "core/tensor.h"
#include "engine/program.h"
#include "text/tokenizer.h"

namespace edgefusion::eval {

/// A text encoder that gives each text one vector: the mean of its last states over the real
/// tokens, begin and end included. Texts longer than `tokens` are cut.
class TextVectors {
 public:
  /// folder: has text_encoder and tokenizer. Errors: those of its files; bad_file if tokenizer and
  /// embedding table do not fit.
  static Result<TextVectors> open(const std::filesystem::path& folder, int64_t tokens,
                                  const Runtime& runtime);

  int64_t width() const { return program_.outputs()[0].shape[2]; }
  /// f32 [N,width]. Errors: invalid_argument for a text that is no UTF-8, with its number.
  Result<Tensor> of(std::span<const std::string> texts, const Runtime& runtime);

 private:
  TextVectors(engine::Program program, std::unique_ptr<text::Tokenizer> tokenizer)
      : program_(std::move(program)), tokenizer_(std::move(tokenizer)) {}
  Status run(std::span<const std::string> texts, size_t first, const Runtime& runtime,
             std::span<float> vectors);

  engine::Program program_;  // of a batch of fixed size
  std::unique_ptr<text::Tokenizer> tokenizer_;
};

}  // namespace edgefusion::eval
