#include "train/metrics_file.h"

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "core/atomic_file.h"
#include "train/train_callbacks.h"

namespace edgefusion::train {

using nlohmann::json;

Result<MetricsFile> MetricsFile::open(const std::filesystem::path& path, int64_t step) {
  std::string kept;
  {
    std::ifstream before(path);
    std::string line;
    while (std::getline(before, line)) {
      const json entry = json::parse(line, nullptr, false);
      const bool earlier = entry.is_object() && entry.contains("step") &&
                           entry["step"].is_number_integer() && entry["step"] <= step;
      if (earlier) kept += line + "\n";
    }
  }
  EF_TRY_STATUS(write_file_atomically(path, std::as_bytes(std::span(kept.data(), kept.size()))));
  MetricsFile file;
  file.path_ = path;
  file.stream_.open(path, std::ios::app);
  if (!file.stream_) return fail(ErrorCode::io, path.string() + ": cannot be written");
  return file;
}

Status MetricsFile::append(const TrainMetrics& metrics) {
  json line = {{"step", metrics.step},
               {"loss", metrics.loss},
               {"gradient_norm", metrics.gradient_norm},
               {"learning_rate", metrics.learning_rate},
               {"samples_per_second", metrics.samples_per_second}};
  if (!metrics.terms.empty()) line["terms"] = metrics.terms;
  stream_ << line.dump() << std::endl;
  if (!stream_) return fail(ErrorCode::io, path_.string() + ": cannot be written");
  return {};
}

}  // namespace edgefusion::train
