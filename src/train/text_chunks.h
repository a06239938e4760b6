#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "text/tokenizer.h"

namespace edgefusion::train {

/// A text as one tokenizer sees it.
struct ChunkedIds {
  std::vector<int32_t> ids;       ///< bos, the text's, eos
  std::vector<int32_t> chunk_of;  ///< for each id, from 0
};

/// A text in chunks, which are what tokenizers with different vocabularies can be compared by: bos,
/// each run of characters without white space, eos.
struct ChunkedText {
  ChunkedIds teacher, student;
  int64_t chunks = 0;

  size_t length() const { return teacher.ids.size() + student.ids.size(); }
};

/// The chunks that fit into max_tokens with both tokenizers. Errors: invalid_argument, for a text
/// that is no UTF-8.
Result<ChunkedText> chunk_text(std::string_view text, const text::Tokenizer& teacher,
                               const text::Tokenizer& student, int64_t max_tokens);

/// What an encoder is given for some texts, and what its states [N,T,C] are multiplied with.
struct TokenBatch {
  at::Tensor ids;    ///< [N,T] i32, as long as the longest text
  at::Tensor means;  ///< [N,K+1,T]: takes the mean of each chunk's states; the last row that of all
};
TokenBatch token_batch(std::span<const ChunkedIds* const> texts, int32_t padding, int64_t chunks);

}  // namespace edgefusion::train
