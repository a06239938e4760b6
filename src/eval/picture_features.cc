#include "eval/picture_features.h"

#include <utility>

namespace edgefusion::eval {
namespace {

constexpr size_t kAtOnce = 32;

void append(std::vector<float>& all, const Tensor& some) {
  const auto values = some.values<float>();
  all.insert(all.end(), values.begin(), values.end());
}

Tensor rows_of(const std::vector<float>& all, int64_t count) {
  return Tensor::from_f32({count, static_cast<int64_t>(all.size()) / count}, all);
}

}  // namespace

Status FeatureCollector::add(formats::Image picture) {
  waiting_.push_back(std::move(picture));
  return waiting_.size() < kAtOnce ? Status() : flush();
}

Status FeatureCollector::flush() {
  EF_TRY(const PictureFeatures some, extractor_.of_pictures(waiting_));
  append(features_, some.features);
  append(embeddings_, some.embeddings);
  count_ += some.count();
  waiting_.clear();
  return {};
}

Result<PictureFeatures> FeatureCollector::finish() {
  if (!waiting_.empty()) EF_TRY_STATUS(flush());
  EF_CHECK(count_ > 0, "at least one picture");
  return PictureFeatures{.features = rows_of(features_, count_),
                         .embeddings = rows_of(embeddings_, count_)};
}

}  // namespace edgefusion::eval
