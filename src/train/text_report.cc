#include "train/text_report.h"

#include <array>
#include <cstdio>

namespace edgefusion::train {
namespace {

nlohmann::json or_null(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

}  // namespace

nlohmann::json TextReport::to_json() const {
  return {{"parameters", parameters},
          {"captions", captions},
          {"caption_cosine", or_null(caption_cosine)},
          {"words", words},
          {"word_cosine", or_null(word_cosine)},
          {"word_recall_at_10", or_null(word_recall_at_10)}};
}

std::string TextReport::summary() const {
  std::string line = std::to_string(parameters) + " parameters";
  const auto add = [&](const char* name, const std::optional<double>& value) {
    std::array<char, 64> text;
    if (!value) return;
    std::snprintf(text.data(), text.size(), "; %s %.4f", name, *value);
    line += text.data();
  };
  add("cosine with the teacher on unseen captions", caption_cosine);
  add("on unseen words", word_cosine);
  add("nearest word kept among ten", word_recall_at_10);
  return line;
}

}  // namespace edgefusion::train
