#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace edgefusion::train {

/// Retrieval among pictures no two of which have a caption in common, by their main captions: the
/// share that finds its partner first, and among the first five.
struct RetrievalReport {
  int64_t pictures = 0;
  double text_of_picture_at_1 = 0, text_of_picture_at_5 = 0;
  double picture_of_text_at_1 = 0, picture_of_text_at_5 = 0;
};

struct ImageTextReport {
  int64_t parameters = 0;                ///< of the image tower and both projections
  double temperature = 0;                ///< as learned
  std::optional<RetrievalReport> train;  ///< pictures it was trained on
  std::optional<RetrievalReport> val;    ///< of val_shards

  nlohmann::json to_json() const;
  /// A line for each of the two.
  std::string summary() const;
};

}  // namespace edgefusion::train
