#pragma once

#include <filesystem>
#include <fstream>

#include "core/result.h"

namespace edgefusion::train {

struct TrainMetrics;

/// metrics.jsonl: a line of JSON for every entry, written through at once.
class MetricsFile {
 public:
  /// Keeps the lines up to `step` of a file that is there: a run that is taken up again from an
  /// earlier step writes the later ones anew. Errors: io.
  static Result<MetricsFile> open(const std::filesystem::path& path, int64_t step);
  Status append(const TrainMetrics& metrics);

 private:
  std::filesystem::path path_;
  std::ofstream stream_;
};

}  // namespace edgefusion::train
