#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "train/parameters.h"
#include "train/text_chunks.h"
#include "train/text_teacher.h"

namespace edgefusion::train {

/// Graphs of one BERT text encoder, by the size of the batch.
class BertGraphs {
 public:
  BertGraphs(models::BertTextConfig config, std::shared_ptr<const TensorSource> weights)
      : config_(config), weights_(std::move(weights)) {}

  /// weights may be null: the graph is built from shapes alone.
  Result<const graph::Graph*> at(int64_t batch, int64_t tokens);

 private:
  models::BertTextConfig config_;
  std::shared_ptr<const TensorSource> weights_;
  std::map<std::pair<int64_t, int64_t>, graph::Graph> graphs_;
};

/// A teacher and a student with a vocabulary of its own, side by side on the same texts.
class TextPair {
 public:
  /// student: config of its network; tokenizer: its folder. Errors: those of the files.
  static Result<TextPair> open(std::shared_ptr<const TextTeacher> teacher,
                               const nlohmann::json& student,
                               const std::filesystem::path& tokenizer, int64_t max_tokens,
                               at::Device device);

  Result<ChunkedText> chunked(std::string_view text) const;

  /// Means of the last states, [N,K+1,C]: of each chunk (zero where a text has fewer than K), and
  /// in the last row of all tokens.
  struct Means {
    at::Tensor teacher;  ///< without gradient
    at::Tensor student;
    at::Tensor is_chunk;  ///< [N,K]: one, or zero
  };
  /// Texts of like lengths waste the least. bf16: the student's products. Errors: those of building
  /// the networks.
  Result<Means> means(std::span<const ChunkedText> texts, const Parameters& student, bool bf16);

 private:
  TextPair(std::shared_ptr<const TextTeacher> teacher,
           std::unique_ptr<const text::Tokenizer> tokenizer, models::BertTextConfig student,
           int64_t max_tokens, at::Device device);

  std::shared_ptr<const TextTeacher> teacher_;
  std::unique_ptr<const text::Tokenizer> tokenizer_;
  int64_t max_tokens_;
  at::Device device_;
  BertGraphs teacher_graphs_, student_graphs_;
  Parameters teacher_parameters_;
};

}  // namespace edgefusion::train
