#pragma once

#include <vector>

#include "eval/feature_extractor.h"

namespace edgefusion::eval {

/// Takes pictures one by one and keeps their features alone: sets may be larger than memory.
class FeatureCollector {
 public:
  /// `extractor` must outlive this.
  explicit FeatureCollector(FeatureExtractor& extractor) : extractor_(extractor) {}

  /// Errors: those of the extractor.
  Status add(formats::Image picture);
  /// Of all that were added, at least one. Errors: those of the extractor.
  Result<PictureFeatures> finish();

 private:
  Status flush();

  FeatureExtractor& extractor_;
  std::vector<formats::Image> waiting_;
  std::vector<float> features_, embeddings_;
  int64_t count_ = 0;
};

}  // namespace edgefusion::eval
