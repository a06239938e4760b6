#include "train/text_corpus.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/mapped_file.h"
#include "shards/captioned_sample.h"
#include "shards/shard_reader.h"
#include "text/bert_words.h"
#include "text/unicode.h"
#include "train/captioned_pictures.h"
#include "train/sample_order.h"
#include "train/wordnet.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostBytes = size_t{4} << 30;
constexpr size_t kShortestHeldOut = 3;  // letters: shorter entries are mostly abbreviations

/// Lines, each once, in the order they came.
class Lines {
 public:
  void add(std::string_view line) {
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return;
    line = line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
    if (!text::decode_utf8(line)) {
      ++unreadable_;
    } else if (seen_.emplace(line).second) {
      lines_.emplace_back(line);
    }
  }
  bool contains(const std::string& line) const { return seen_.contains(line); }
  int64_t unreadable() const { return unreadable_; }
  std::vector<std::string> take() && { return std::move(lines_); }
  const std::vector<std::string>& all() const { return lines_; }

 private:
  std::vector<std::string> lines_;
  std::unordered_set<std::string> seen_;
  int64_t unreadable_ = 0;
};

Status add_captions(const fs::path& shard, const LogSink& log, Lines& lines) {
  EF_TRY(auto reader, shards::ShardReader::open(shard));
  while (true) {
    const auto sample = reader.next();
    if (!sample) {  // the rest of this shard is lost, the run goes on
      log(LogLevel::warn, sample.error().message());
      return {};
    }
    if (!*sample) return {};
    for (const std::string& caption : shards::captions_of(**sample)) lines.add(caption);
  }
}

Status add_file(const fs::path& path, Lines& lines) {
  EF_TRY(const std::string text, read_text_file(path, kMostBytes));
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.add(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
  }
  return {};
}

bool is_plain_word(const std::string& word) {
  return word.size() >= kShortestHeldOut &&
         std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
}

/// Plain words of the dictionary that no caption has.
Result<std::vector<std::string>> words_without_caption(
    const std::vector<DictionaryEntry>& entries,
    const std::vector<const std::vector<std::string>*>& captions) {
  std::unordered_set<std::string> taken;
  for (const auto* lines : captions) {
    EF_TRY(const auto words, text::count_bert_words(*lines, {}));
    for (const text::WordCount& word : words) taken.insert(text::to_utf8(word.word));
  }
  std::vector<std::string> free;
  for (const DictionaryEntry& entry : entries) {
    if (is_plain_word(entry.word) && taken.insert(entry.word).second) free.push_back(entry.word);
  }
  return free;
}

/// `count` of the words, at most half of them, drawn from the seed.
std::vector<std::string> some_of(const std::vector<std::string>& words, int64_t count,
                                 uint64_t seed) {
  const auto available = static_cast<int64_t>(words.size());
  count = std::min(count, available / 2);
  std::vector<std::string> chosen;
  if (count == 0) return chosen;
  SampleOrder order(available, mixed_seed(seed, Purpose::choice, 0));
  for (const int64_t index : order.at(0, count)) {
    chosen.push_back(words[static_cast<size_t>(index)]);
  }
  return chosen;
}

std::vector<std::string> dictionary_lines(const std::vector<DictionaryEntry>& entries,
                                          const std::vector<std::string>& left_out) {
  const std::unordered_set<std::string> without(left_out.begin(), left_out.end());
  Lines lines;
  for (const DictionaryEntry& entry : entries) {
    if (without.contains(entry.word)) continue;
    lines.add(entry.word);
    if (!entry.definition.empty()) lines.add(entry.word + ": " + entry.definition);
  }
  return std::move(lines).take();
}

}  // namespace

Status check_text_files(const TextConfig& config) {
  EF_TRY_STATUS(check_shards(config.shards));
  for (const fs::path& file : config.texts) EF_TRY_STATUS(MappedFile::open(file));
  EF_TRY_STATUS(check_shards(config.val_shards));
  if (!config.wordnet.empty()) EF_TRY_STATUS(read_wordnet(config.wordnet));
  return {};
}

Result<TextCorpus> read_text_corpus(const TextConfig& config, const LogSink& log) {
  Lines captions, unseen;
  for (const fs::path& shard : config.shards) EF_TRY_STATUS(add_captions(shard, log, captions));
  for (const fs::path& file : config.texts) EF_TRY_STATUS(add_file(file, captions));
  for (const fs::path& shard : config.val_shards) EF_TRY_STATUS(add_captions(shard, log, unseen));
  if (const int64_t count = captions.unreadable() + unseen.unreadable(); count > 0) {
    log(LogLevel::warn, std::to_string(count) + " texts are no UTF-8 and were passed over");
  }
  TextCorpus corpus;
  for (const std::string& caption : unseen.all()) {
    if (!captions.contains(caption)) corpus.unseen_captions.push_back(caption);
  }
  corpus.captions = std::move(captions).take();
  if (!config.wordnet.empty()) {
    EF_TRY(const std::vector<DictionaryEntry> entries, read_wordnet(config.wordnet));
    EF_TRY(const auto free,
           words_without_caption(entries, {&corpus.captions, &corpus.unseen_captions}));
    corpus.unseen_words = some_of(free, config.held_out_words, config.seed);
    corpus.dictionary = dictionary_lines(entries, corpus.unseen_words);
  }
  if (corpus.captions.empty() && corpus.dictionary.empty()) {
    return fail(ErrorCode::not_found, "no texts in the files of the config");
  }
  return corpus;
}

}  // namespace edgefusion::train
