#include "text/vocabulary.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "text/json_text.h"
#include "text/unicode.h"

namespace edgefusion::text {
namespace {

std::string_view without_trailing_space(std::string_view utf8_line, std::u32string_view line) {
  size_t bytes = utf8_line.size();
  for (size_t i = line.size(); i > 0 && is_space(line[i - 1]); --i) {
    std::string last;
    append_utf8(line[i - 1], last);
    bytes -= last.size();
  }
  return utf8_line.substr(0, bytes);
}

}  // namespace

void Vocabulary::insert(std::string_view token, int32_t id) {
  ids_.insert_or_assign(std::string(token), id);
  const auto index = static_cast<size_t>(id);
  if (index >= used_ids_.size()) used_ids_.resize(index + 1);
  used_ids_[index] = true;
  longest_ = std::max(longest_, token.size());
}

Result<Vocabulary> Vocabulary::from_json(const nlohmann::json& object) {
  if (!object.is_object()) {
    return fail(ErrorCode::bad_file, std::string("the vocabulary is a JSON ") + object.type_name() +
                                         ", expected an object of tokens and ids");
  }
  Vocabulary vocabulary;
  for (const auto& [token, value] : object.items()) {
    const bool valid = value.is_number_integer() && value >= 0 && value < kMaxTokens;
    if (!valid) {
      const std::string found = value.is_number() ? value.dump() : value.type_name();
      return fail(ErrorCode::bad_file, "token " + in_quotes(token) + ": id " + found +
                                           ", expected an integer from 0 to " +
                                           std::to_string(kMaxTokens - 1));
    }
    const auto id = value.get<int32_t>();
    if (vocabulary.has_id(id)) {
      return fail(ErrorCode::bad_file, "token " + in_quotes(token) + ": id " + std::to_string(id) +
                                           " is already another token's, expected unique ids");
    }
    vocabulary.insert(token, id);
  }
  if (vocabulary.ids_.empty()) return fail(ErrorCode::bad_file, "the vocabulary has no tokens");
  return vocabulary;
}

Result<Vocabulary> Vocabulary::from_lines(std::string_view text) {
  if (text.empty()) return fail(ErrorCode::bad_file, "the vocabulary has no tokens");
  Vocabulary vocabulary;
  int64_t line_number = 0;
  for (size_t begin = 0; begin < text.size(); ++line_number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    auto decoded = decode_utf8(line);
    if (!decoded) {
      return fail(ErrorCode::bad_file,
                  "line " + std::to_string(line_number + 1) + ": " + decoded.error().message());
    }
    if (line_number >= kMaxTokens) {
      return fail(ErrorCode::bad_file,
                  "more than " + std::to_string(kMaxTokens) + " lines, one token each");
    }
    vocabulary.insert(without_trailing_space(line, *decoded), static_cast<int32_t>(line_number));
    begin = end + 1;
  }
  return vocabulary;
}

bool Vocabulary::has_id(int32_t id) const {
  return id >= 0 && id < id_limit() && used_ids_[static_cast<size_t>(id)];
}

std::optional<int32_t> Vocabulary::find(std::string_view token) const {
  const auto it = ids_.find(token);
  return it == ids_.end() ? std::nullopt : std::optional(it->second);
}

}  // namespace edgefusion::text
