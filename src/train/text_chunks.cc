#include "train/text_chunks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <string>

#include "text/unicode.h"

namespace edgefusion::train {
namespace {

/// What lies between white space.
std::vector<std::string> chunks_of(std::u32string_view text) {
  std::vector<std::string> chunks(1);
  for (const char32_t c : text) {
    if (!text::is_space(c)) {
      text::append_utf8(c, chunks.back());
    } else if (!chunks.back().empty()) {
      chunks.emplace_back();
    }
  }
  if (chunks.back().empty()) chunks.pop_back();
  return chunks;
}

void append(std::span<const int32_t> ids, int64_t chunk, ChunkedIds& to) {
  to.ids.insert(to.ids.end(), ids.begin(), ids.end());
  to.chunk_of.resize(to.ids.size(), static_cast<int32_t>(chunk));
}

/// Without bos and eos.
std::span<const int32_t> inner(const std::vector<int32_t>& ids) {
  return std::span(ids).subspan(1, ids.size() - 2);
}

}  // namespace

Result<ChunkedText> chunk_text(std::string_view text, const text::Tokenizer& teacher,
                               const text::Tokenizer& student, int64_t max_tokens) {
  EF_TRY(const std::u32string characters, text::decode_utf8(text));
  ChunkedText out;
  append(std::array{teacher.bos_id()}, 0, out.teacher);
  append(std::array{student.bos_id()}, 0, out.student);
  out.chunks = 1;
  const auto room = static_cast<size_t>(max_tokens) - 1;  // for all but eos
  for (const std::string& chunk : chunks_of(characters)) {
    EF_TRY(const auto theirs, teacher.encode(chunk));
    EF_TRY(const auto ours, student.encode(chunk));
    if (inner(theirs).empty() || inner(ours).empty()) continue;  // nothing but control characters
    if (out.teacher.ids.size() + inner(theirs).size() > room ||
        out.student.ids.size() + inner(ours).size() > room) {
      break;
    }
    append(inner(theirs), out.chunks, out.teacher);
    append(inner(ours), out.chunks, out.student);
    ++out.chunks;
  }
  append(std::array{teacher.eos_id()}, out.chunks, out.teacher);
  append(std::array{student.eos_id()}, out.chunks, out.student);
  ++out.chunks;
  return out;
}

TokenBatch token_batch(std::span<const ChunkedIds* const> texts, int32_t padding, int64_t chunks) {
  size_t longest = 0;
  for (const ChunkedIds* text : texts) longest = std::max(longest, text->ids.size());
  const auto count = static_cast<int64_t>(texts.size()), tokens = static_cast<int64_t>(longest);
  TokenBatch batch{.ids = at::full({count, tokens}, padding, at::kInt),
                   .means = at::zeros({count, chunks + 1, tokens})};
  auto ids = batch.ids.accessor<int32_t, 2>();
  auto means = batch.means.accessor<float, 3>();
  for (int64_t n = 0; n < count; ++n) {
    const ChunkedIds& text = *texts[static_cast<size_t>(n)];
    const auto length = static_cast<int64_t>(text.ids.size());
    std::vector<int64_t> sizes(static_cast<size_t>(chunks));
    for (const int32_t chunk : text.chunk_of) ++sizes[static_cast<size_t>(chunk)];
    for (int64_t t = 0; t < length; ++t) {
      const int32_t chunk = text.chunk_of[static_cast<size_t>(t)];
      ids[n][t] = text.ids[static_cast<size_t>(t)];
      means[n][chunk][t] = 1.0f / static_cast<float>(sizes[static_cast<size_t>(chunk)]);
      means[n][chunks][t] = 1.0f / static_cast<float>(length);
    }
  }
  return batch;
}

}  // namespace edgefusion::train
