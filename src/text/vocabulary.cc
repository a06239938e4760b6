#include "text/vocabulary.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

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

/// Takes an object of tokens and ids as it is read, and gives up at anything else, an id or a token
/// given twice among it: what is wrong is for from_json() to say.
class PlainVocabulary : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit PlainVocabulary(std::function<bool(std::string_view, uint64_t)> take)
      : take_(std::move(take)) {}

  bool start_object(size_t) override { return !std::exchange(inside_, true); }
  bool key(string_t& token) override {
    token_ = std::move(token);
    return true;
  }
  bool number_unsigned(number_unsigned_t id) override { return inside_ && take_(token_, id); }
  bool end_object() override { return true; }

  bool null() override { return false; }
  bool boolean(bool) override { return false; }
  bool number_integer(number_integer_t) override { return false; }
  bool number_float(number_float_t, const string_t&) override { return false; }
  bool string(string_t&) override { return false; }
  bool binary(binary_t&) override { return false; }
  bool start_array(size_t) override { return false; }
  bool end_array() override { return false; }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  std::function<bool(std::string_view, uint64_t)> take_;
  std::string token_;
  bool inside_ = false;
};

}  // namespace

Result<Vocabulary> Vocabulary::parse(std::string_view json) {
  constexpr size_t kBytesOfALine = 16;  // of published files, at the least
  Vocabulary vocabulary;
  vocabulary.ids_.reserve(std::min<size_t>(json.size() / kBytesOfALine, kMaxTokens), json.size());
  PlainVocabulary reader([&](std::string_view token, uint64_t id) {
    if (id >= kMaxTokens || vocabulary.has_id(static_cast<int32_t>(id))) return false;
    if (vocabulary.find(token)) return false;
    vocabulary.insert(token, static_cast<int32_t>(id));
    return true;
  });
  const bool plain = nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  if (plain && !vocabulary.ids_.empty()) return vocabulary;
  EF_TRY(const nlohmann::json object, parse_json(json));
  return from_json(object);
}

void Vocabulary::insert(std::string_view token, int32_t id) {
  ids_.set(token, id);
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

std::optional<int32_t> Vocabulary::find(std::string_view token) const { return ids_.find(token); }

}  // namespace edgefusion::text
