#include "eval/feature_extractor.h"

namespace edgefusion::eval {

Result<Tensor> FeatureExtractor::of_texts(std::span<const std::string>) {
  return fail(ErrorCode::unsupported, name() + ": knows no texts, expected an image-text model");
}

}  // namespace edgefusion::eval
