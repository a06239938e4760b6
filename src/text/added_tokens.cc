#include "text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "core/result.h"
#include "text/unicode.h"

namespace edgefusion::text {

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens, Normalize normalize)
    : normalize_(std::move(normalize)) {
  std::map<std::string_view, const AddedToken*> latest;
  for (const AddedToken& token : tokens) latest[token.content] = &token;
  for (const auto& [content, token] : latest) {
    auto decoded = decode_utf8(content);
    EF_CHECK(decoded && !decoded->empty(), "added tokens are checked when the files are read");
    Matcher& matcher = token->normalized ? normalized_ : raw_;
    std::u32string text = token->normalized ? normalize_(*decoded) : std::move(*decoded);
    if (!text.empty()) matcher.add(std::move(text), {token->id, token->single_word});
  }
}

std::vector<AddedTokens::Piece> AddedTokens::split(std::u32string_view text) const {
  std::vector<Piece> out;
  for (Piece& piece : raw_.split(text)) {
    if (piece.id) {
      out.push_back(std::move(piece));
      continue;
    }
    for (Piece& inner : normalized_.split(normalize_ ? normalize_(piece.text) : piece.text)) {
      out.push_back(std::move(inner));
    }
  }
  return out;
}

void AddedTokens::Matcher::add(std::u32string content, Entry entry) {
  const auto at = std::ranges::lower_bound(lengths, content.size(), std::greater<>());
  if (at == lengths.end() || *at != content.size()) lengths.insert(at, content.size());
  entries.insert_or_assign(std::move(content), entry);
}

size_t AddedTokens::Matcher::match(std::u32string_view text, size_t at, Entry& entry) const {
  // Most positions cannot begin any token: one look-up by the first character tells.
  const auto first = entries.lower_bound(text.substr(at, 1));
  if (first == entries.end() || first->first[0] != text[at]) return 0;
  for (const size_t length : lengths) {
    if (length > text.size() - at) continue;
    const auto it = entries.find(text.substr(at, length));
    if (it == entries.end()) continue;
    entry = it->second;
    return length;
  }
  return 0;
}

std::vector<AddedTokens::Piece> AddedTokens::Matcher::split(std::u32string_view text) const {
  std::vector<Piece> out;
  size_t begin = 0;
  const auto flush = [&](size_t end) {
    if (end > begin) out.push_back({std::u32string(text.substr(begin, end - begin)), std::nullopt});
  };
  for (size_t i = 0; i < text.size();) {
    Entry entry{};
    const size_t length = match(text, i, entry);
    const size_t end = i + std::max<size_t>(length, 1);
    const bool touches_word =
        (i > 0 && is_word(text[i - 1])) || (end < text.size() && is_word(text[end]));
    if (length != 0 && !(entry.single_word && touches_word)) {
      flush(i);
      out.push_back({{}, entry.id});
      begin = end;
    }
    i = end;
  }
  flush(text.size());
  return out;
}

}  // namespace edgefusion::text
