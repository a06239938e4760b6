#include "eval/scores.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace edgefusion::eval {
namespace {

double product(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

std::span<const float> row_of(const Tensor& rows, int64_t i) {
  const auto width = static_cast<size_t>(rows.shape()[1]);
  return rows.values<float>().subspan(static_cast<size_t>(i) * width, width);
}

std::vector<double> lengths_of(const Tensor& rows) {
  std::vector<double> lengths;
  for (int64_t i = 0; i < rows.shape()[0]; ++i) {
    lengths.push_back(std::sqrt(product(row_of(rows, i), row_of(rows, i))));
  }
  return lengths;
}

}  // namespace

double clip_score(const Tensor& pictures, const Tensor& texts) {
  EF_CHECK(pictures.shape() == texts.shape() && pictures.elements() > 0, "one text for a picture");
  const int64_t count = pictures.shape()[0];
  const std::vector<double> of_pictures = lengths_of(pictures), of_texts = lengths_of(texts);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(i);
    const double cosine =
        product(row_of(pictures, i), row_of(texts, i)) / (of_pictures[at] * of_texts[at]);
    sum += std::max(cosine, 0.0);
  }
  return 100.0 * sum / static_cast<double>(count);
}

double recall_at(int64_t k, const Tensor& queries, const Tensor& gallery,
                 std::span<const int64_t> right) {
  const int64_t count = queries.shape()[0], items = gallery.shape()[0];
  EF_CHECK(queries.shape()[1] == gallery.shape()[1] && count > 0, "one space");
  EF_CHECK(static_cast<int64_t>(right.size()) == count, "one right item for a query");
  // A query's own length is the same for all items.
  const std::vector<double> lengths = lengths_of(gallery);
  const auto nearness = [&](int64_t query, int64_t item) {
    return product(row_of(queries, query), row_of(gallery, item)) /
           lengths[static_cast<size_t>(item)];
  };
  int64_t found = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t own = right[static_cast<size_t>(i)];
    const double wanted = nearness(i, own);
    int64_t nearer = 0;
    for (int64_t item = 0; item < items; ++item) {
      // So asked, nothing is behind what is no number.
      const bool behind = nearness(i, item) < wanted;
      if (item != own && !behind) ++nearer;
    }
    if (nearer < k) ++found;
  }
  return static_cast<double>(found) / static_cast<double>(count);
}

double inception_score(const Tensor& probabilities) {
  const int64_t count = probabilities.shape()[0];
  const auto classes = static_cast<size_t>(probabilities.shape()[1]);
  EF_CHECK(probabilities.elements() > 0, "pictures and classes");
  std::vector<double> mean(classes, 0.0);
  for (int64_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < classes; ++c) {
      mean[c] += static_cast<double>(row_of(probabilities, i)[c]) / static_cast<double>(count);
    }
  }
  double divergence = 0;
  for (int64_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < classes; ++c) {
      const auto p = static_cast<double>(row_of(probabilities, i)[c]);
      if (p > 0) divergence += p * std::log(p / mean[c]);
    }
  }
  return std::exp(divergence / static_cast<double>(count));
}

}  // namespace edgefusion::eval
