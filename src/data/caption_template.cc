#include "data/caption_template.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "data/english.h"

namespace edgefusion::data {
namespace {

constexpr size_t kMostTemplates = 4;
constexpr size_t kMostWords = 4;
constexpr size_t kMostWordsOfCaption = 6;  // where it stands for the name
constexpr double kShareOfMost = 0.25;      // of the most frequent one's samples
constexpr std::array<std::string_view, 4> kArticles = {"a ", "an ", "A ", "An "};
constexpr std::array<std::string_view, 11> kClauses = {"with", "and", "or",  "without", "in", "on",
                                                       "the",  "no",  "not", "a",       "an"};

/// The text without an article at its end that follows a space, or is all of it.
std::string without_last_article(std::string text) {
  for (const std::string_view article : kArticles) {
    if (!text.ends_with(article)) continue;
    const size_t rest = text.size() - article.size();
    if (rest == 0 || text[rest - 1] == ' ') return text.substr(0, rest);
  }
  return text;
}

std::optional<CaptionTemplate> template_of(const std::string& caption, const std::string& name) {
  const size_t at = caption.find(name);
  if (name.empty() || at == std::string::npos) return std::nullopt;
  if (caption.find(name, at + 1) != std::string::npos) return std::nullopt;
  return CaptionTemplate{without_last_article(caption.substr(0, at)),
                         caption.substr(at + name.size())};
}

bool is_plain(const std::string& noun, size_t most_words) {
  const auto words = words_of(noun);
  if (words.empty() || words.size() > most_words) return false;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool after_of = i > 0 && words[i - 1] == "of";  // "photo of a fox"
    if (std::ranges::find(kClauses, words[i]) != kClauses.end() && !after_of) return false;
  }
  return std::ranges::all_of(noun, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' ||
           c == '-' || c == '\'';
  });
}

ObjectName named(std::string_view phrase) {
  for (const std::string_view article : kArticles) {
    if (phrase.starts_with(article)) return {std::string(phrase.substr(article.size())), true};
  }
  return {std::string(phrase), false};
}

}  // namespace

std::vector<CaptionTemplate> learn_templates(std::span<const NamedCaptions> samples) {
  std::map<std::pair<std::string, std::string>, size_t> counts;
  for (const NamedCaptions& sample : samples) {
    std::vector<CaptionTemplate> seen;
    for (const std::string& caption : sample.captions) {
      const auto found = template_of(caption, sample.name);
      if (!found || (found->before.empty() && found->after.empty())) continue;
      if (std::ranges::find(seen, *found) != seen.end()) continue;
      seen.push_back(*found);
      ++counts[{found->before, found->after}];
    }
  }
  // Where there are words before the name, an article can follow; others are for want of them.
  const bool leading =
      std::ranges::any_of(counts, [](const auto& entry) { return !entry.first.first.empty(); });
  std::vector<std::pair<size_t, CaptionTemplate>> found;
  for (const auto& [words, count] : counts) {
    if (leading && words.first.empty()) continue;
    found.emplace_back(count, CaptionTemplate{words.first, words.second});
  }
  std::ranges::stable_sort(found, std::greater<>(), [](const auto& entry) { return entry.first; });
  std::vector<CaptionTemplate> templates;
  for (const auto& [count, words] : found) {
    if (static_cast<double>(count) < kShareOfMost * static_cast<double>(found.front().first)) break;
    if (templates.size() < kMostTemplates) templates.push_back(words);
  }
  if (templates.empty()) templates.push_back({});
  return templates;
}

std::optional<ObjectName> name_in(const NamedCaptions& sample,
                                  std::span<const CaptionTemplate> templates) {
  std::optional<ObjectName> best;
  const size_t most_words = sample.name.empty() ? kMostWordsOfCaption : kMostWords;
  for (const CaptionTemplate& words : templates) {
    for (std::string_view caption : sample.captions) {
      if (sample.name.empty() && caption.ends_with('.')) caption.remove_suffix(1);
      if (caption.size() < words.before.size() + words.after.size()) continue;
      if (!caption.starts_with(words.before) || !caption.ends_with(words.after)) continue;
      caption.remove_prefix(words.before.size());
      caption.remove_suffix(words.after.size());
      const ObjectName name = named(caption);
      if (name.noun.find(sample.name) == std::string::npos || !is_plain(name.noun, most_words))
        continue;
      const bool better = !best || name.noun.size() < best->noun.size() ||
                          (name.noun == best->noun && name.counted && !best->counted);
      if (better) best = name;
      if (sample.name.empty()) break;  // the first caption is the object's
    }
  }
  return best;
}

}  // namespace edgefusion::data
