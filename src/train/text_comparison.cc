#include "train/text_comparison.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace edgefusion::train {
namespace {

constexpr size_t kBatch = 64;
constexpr size_t kMostCaptions = 4096;  // more would not tell more
constexpr int64_t kNearest = 10;

/// Means over whole texts, [N,C].
struct TextMeans {
  at::Tensor teacher, student;
};

Result<TextMeans> text_means(std::span<const std::string> texts, TextPair& pair,
                             const Parameters& student) {
  std::vector<at::Tensor> theirs, ours;
  for (size_t begin = 0; begin < texts.size(); begin += kBatch) {
    std::vector<ChunkedText> batch;
    for (const std::string& text : texts.subspan(begin, std::min(kBatch, texts.size() - begin))) {
      EF_TRY(ChunkedText chunked, pair.chunked(text));
      batch.push_back(std::move(chunked));
    }
    EF_TRY(const TextPair::Means means, pair.means(batch, student, /*bf16=*/false));
    theirs.push_back(means.teacher.select(1, -1));
    ours.push_back(means.student.select(1, -1));
  }
  return TextMeans{at::cat(theirs), at::cat(ours)};
}

double mean_cosine(const TextMeans& means) {
  return at::cosine_similarity(means.teacher, means.student, 1).mean().item<double>();
}

/// Cosines of all rows with each other, those of a row with itself out of the way.
at::Tensor cosines(const at::Tensor& rows) {
  const at::Tensor unit = rows / rows.norm(2, 1, true).clamp_min(1e-12);
  at::Tensor all = unit.mm(unit.t());
  all.fill_diagonal_(-std::numeric_limits<double>::infinity());
  return all;
}

double recall(const TextMeans& means) {
  const at::Tensor nearest = cosines(means.teacher).argmax(1, true);
  const at::Tensor ours = std::get<1>(cosines(means.student).topk(kNearest, 1));
  return ours.eq(nearest).any(1).to(at::kFloat).mean().item<double>();
}

}  // namespace

Result<TextReport> compare_texts(const TextCorpus& corpus, TextPair& pair,
                                 const Parameters& student) {
  const at::NoGradGuard no_grad;
  const std::span captions = std::span(corpus.unseen_captions)
                                 .first(std::min(kMostCaptions, corpus.unseen_captions.size()));
  TextReport report{.parameters = student.count(),
                    .captions = static_cast<int64_t>(captions.size()),
                    .words = static_cast<int64_t>(corpus.unseen_words.size())};
  if (report.captions > 0) {
    EF_TRY(const TextMeans means, text_means(captions, pair, student));
    report.caption_cosine = mean_cosine(means);
  }
  if (report.words > 0) {
    EF_TRY(const TextMeans means, text_means(corpus.unseen_words, pair, student));
    report.word_cosine = mean_cosine(means);
    if (report.words > kNearest) report.word_recall_at_10 = recall(means);
  }
  return report;
}

}  // namespace edgefusion::train
