#include "train/contrastive_loss.h"

#include <ATen/ATen.h>

#include <limits>

namespace edgefusion::train {

at::Tensor unit_rows(const at::Tensor& x) {
  return x / x.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
}

ContrastiveLoss contrastive_loss(const at::Tensor& pictures, const at::Tensor& texts,
                                 const at::Tensor& kin, const at::Tensor& scale) {
  const int64_t count = pictures.size(0);
  const at::Tensor own = at::eye(count, texts.size(0), kin.options());
  const at::Tensor logits =
      (scale * pictures.mm(texts.t()))
          .masked_fill(kin.logical_and(own.logical_not()), -std::numeric_limits<float>::infinity());
  const at::Tensor right = at::arange(count, kin.options().dtype(at::kLong));
  const at::Tensor of_pictures = at::cross_entropy_loss(logits, right);
  const at::Tensor of_texts = at::cross_entropy_loss(logits.narrow(1, 0, count).t(), right);
  return {.total = (of_pictures + of_texts) / 2,
          .found = logits.detach().argmax(1).eq(right).to(at::kFloat).mean()};
}

}  // namespace edgefusion::train
