#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace edgefusion::train {

/// How near a student is to its teacher, judged by the means over a text's tokens.
struct TextReport {
  int64_t parameters = 0;
  int64_t captions = 0, words = 0;          ///< that were compared; the student saw none of them
  std::optional<double> caption_cosine;     ///< mean over captions; nothing if there are none
  std::optional<double> word_cosine;        ///< mean over words of the dictionary
  std::optional<double> word_recall_at_10;  ///< words whose nearest other word, as the teacher
                                            ///< sees it, is one of the student's ten nearest

  nlohmann::json to_json() const;
  /// One line.
  std::string summary() const;
};

}  // namespace edgefusion::train
