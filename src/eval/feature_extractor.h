#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/result.h"
#include "core/tensor.h"
#include "formats/image.h"

namespace edgefusion::eval {

/// What a network sees in pictures.
struct PictureFeatures {
  Tensor features;    ///< f32 [N,D], what distributions are compared by
  Tensor embeddings;  ///< f32 [N,E], of length 1, in a space shared with texts; of an extractor
                      ///< that knows no texts without elements

  int64_t count() const { return features.shape()[0]; }
};

/// A network that judges pictures. Figures of quality mean something only beside others of the same
/// extractor.
class FeatureExtractor {
 public:
  virtual ~FeatureExtractor() = default;
  /// What a report calls it.
  virtual std::string name() const = 0;

  /// Of at least one picture, of any size. Errors: a network whose result is not finite.
  virtual Result<PictureFeatures> of_pictures(std::span<const formats::Image> pictures) = 0;
  /// Texts in the space of the embeddings: f32 [N,E], of length 1. Errors: unsupported where there
  /// are none; invalid_argument for a text that is no UTF-8.
  virtual Result<Tensor> of_texts(std::span<const std::string> texts);
  /// How likely it finds each class in each picture: f32 [N,K], rows sum to 1. `classes` names them
  /// in words, for an extractor that has no classes of its own. Errors: those of of_texts.
  virtual Result<Tensor> class_probabilities(const PictureFeatures& pictures,
                                             std::span<const std::string> classes) = 0;
};

}  // namespace edgefusion::eval
