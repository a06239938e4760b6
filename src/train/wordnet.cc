#include "train/wordnet.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/mapped_file.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostBytes = size_t{256} << 20;

/// Up to the next space, which is taken away too.
std::string_view next_field(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return field;
}

/// "physical_entity" -> "physical entity"; adjectives may end in a mark of where they stand: "(a)".
std::string word_of(std::string_view lemma) {
  std::string word(lemma.substr(0, lemma.find('(')));
  std::ranges::replace(word, '_', ' ');
  return word;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

/// A gloss without its parts in quotes, which are examples: a; b; "c; d" -> a; b
std::string definition_of(std::string_view gloss) {
  std::string definition;
  bool in_quotes = false;
  size_t begin = 0;
  for (size_t i = 0; i <= gloss.size(); ++i) {
    const bool at_end = i == gloss.size();
    if (!at_end && gloss[i] == '"') in_quotes = !in_quotes;
    if (!at_end && (in_quotes || gloss[i] != ';')) continue;
    const std::string_view part = trimmed(gloss.substr(begin, i - begin));
    begin = i + 1;
    if (part.empty() || part.front() == '"') continue;
    if (!definition.empty()) definition += "; ";
    definition += part;
  }
  return definition;
}

/// offset, file of the lexicographer, type, count of words (hexadecimal), then word and sense for
/// each, pointers, and the gloss behind " | ". False: not such a line.
bool read_synset(std::string_view line, std::vector<DictionaryEntry>& entries) {
  const size_t bar = line.find(" | ");
  if (bar == std::string_view::npos) return false;
  const std::string definition = definition_of(line.substr(bar + 3));
  line = line.substr(0, bar);
  for (int skipped = 0; skipped < 3; ++skipped) next_field(line);
  const std::string_view digits = next_field(line);
  int words = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), words, 16);
  if (error != std::errc() || end != digits.data() + digits.size() || words < 1) return false;
  for (int i = 0; i < words; ++i) {
    const std::string word = word_of(next_field(line));
    next_field(line);
    if (word.empty()) return false;
    entries.push_back({word, definition});
  }
  return true;
}

Status read_file(const fs::path& path, std::vector<DictionaryEntry>& entries) {
  EF_TRY(const std::string text, read_text_file(path, kMostBytes));
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.empty() || line.starts_with("  ")) continue;  // the licence, at the beginning
    if (!read_synset(line, entries)) {
      return fail(ErrorCode::bad_file, path.string() + ": line " + std::to_string(number) +
                                           ": no synset of WordNet, expected its words and, "
                                           "behind \" | \", its gloss");
    }
  }
  return {};
}

}  // namespace

Result<std::vector<DictionaryEntry>> read_wordnet(const fs::path& folder) {
  std::vector<DictionaryEntry> entries;
  bool found = false;
  for (const char* name : {"data.noun", "data.verb", "data.adj", "data.adv"}) {
    std::error_code error;
    if (!fs::is_regular_file(folder / name, error)) continue;
    found = true;
    EF_TRY_STATUS(read_file(folder / name, entries));
  }
  if (found) return entries;
  return fail(
      ErrorCode::not_found,
      folder.string() + ": no WordNet; expected data.noun, data.verb, data.adj or data.adv");
}

}  // namespace edgefusion::train
