#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/feature_extractor.h"

namespace edgefusion::eval {

/// What pictures of prompts are held against.
struct Yardstick {
  Tensor texts;                                   ///< embeddings of the prompts [N,E]
  std::vector<std::string> classes;               ///< of the inception score
  std::optional<PictureFeatures> reference = {};  ///< real pictures, for the Frechet distance
};

/// Errors: those of the extractor, among them one that knows no texts.
Result<Yardstick> make_yardstick(FeatureExtractor& extractor, std::span<const std::string> prompts,
                                 std::vector<std::string> classes);

/// Figures of one picture for each prompt.
struct PromptScores {
  double clip_score = 0;
  double recall_at_1 = 0, recall_at_5 = 0;  ///< a picture's own prompt among all prompts
  double inception_score = 0;
  std::optional<double> frechet_distance;  ///< nothing without a reference of two or more
};

/// pictures: row i is of prompt i. with_reference: whether they are held against the reference.
/// Errors: those of the extractor.
Result<PromptScores> score_prompts(FeatureExtractor& extractor, const Yardstick& yardstick,
                                   const PictureFeatures& pictures, bool with_reference);

}  // namespace edgefusion::eval
