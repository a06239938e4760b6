#include "eval/step_scores.h"

#include <numeric>
#include <utility>

#include "eval/frechet_distance.h"
#include "eval/scores.h"

namespace edgefusion::eval {

Result<Yardstick> make_yardstick(FeatureExtractor& extractor, std::span<const std::string> prompts,
                                 std::vector<std::string> classes) {
  Yardstick yardstick;
  EF_TRY(yardstick.texts, extractor.of_texts(prompts));
  yardstick.classes = std::move(classes);
  return yardstick;
}

Result<PromptScores> score_prompts(FeatureExtractor& extractor, const Yardstick& yardstick,
                                   const PictureFeatures& pictures, bool with_reference) {
  std::vector<int64_t> own(static_cast<size_t>(pictures.count()));
  std::iota(own.begin(), own.end(), int64_t{0});
  PromptScores scores;
  scores.clip_score = clip_score(pictures.embeddings, yardstick.texts);
  scores.recall_at_1 = recall_at(1, pictures.embeddings, yardstick.texts, own);
  scores.recall_at_5 = recall_at(5, pictures.embeddings, yardstick.texts, own);
  EF_TRY(const Tensor classes, extractor.class_probabilities(pictures, yardstick.classes));
  scores.inception_score = inception_score(classes);
  if (with_reference && yardstick.reference && pictures.count() > 1) {
    EF_TRY(scores.frechet_distance,
           frechet_distance(pictures.features, yardstick.reference->features));
  }
  return scores;
}

}  // namespace edgefusion::eval
