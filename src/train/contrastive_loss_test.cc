#include "train/contrastive_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace edgefusion::train {
namespace {

at::Tensor unit(std::initializer_list<double> angles) {
  std::vector<at::Tensor> rows;
  for (const double angle : angles) rows.push_back(at::tensor({std::cos(angle), std::sin(angle)}));
  return at::stack(rows).to(at::kFloat);
}

TEST(ContrastiveLoss, EqualsTheFormula) {
  const at::Tensor pictures = unit({0.0, 1.0}), texts = unit({0.3, 0.9, 2.5});
  const double scale = 3;
  const auto logit = [&](double a, double b) { return scale * std::cos(a - b); };
  const auto minus_log_share = [](double own, std::vector<double> all) {
    double sum = 0;
    for (const double x : all) sum += std::exp(x);
    return std::log(sum) - own;
  };
  const double of_pictures =
      (minus_log_share(logit(0, .3), {logit(0, .3), logit(0, .9), logit(0, 2.5)}) +
       minus_log_share(logit(1, .9), {logit(1, .3), logit(1, .9), logit(1, 2.5)})) /
      2;
  const double of_texts = (minus_log_share(logit(0, .3), {logit(0, .3), logit(1, .3)}) +
                           minus_log_share(logit(1, .9), {logit(0, .9), logit(1, .9)})) /
                          2;
  const auto loss =
      contrastive_loss(pictures, texts, at::zeros({2, 3}, at::kBool), at::tensor({scale}));
  EXPECT_NEAR(loss.total.item<double>(), (of_pictures + of_texts) / 2, 1e-5);
  EXPECT_NEAR(loss.found.item<double>(), 1.0, 1e-6);
}

TEST(ContrastiveLoss, KinAreNeitherRightNorWrong) {
  const at::Tensor pictures = unit({0.0, 1.0, 2.0}), texts = unit({0.3, 0.9, 2.5});
  at::Tensor kin = at::eye(3, at::kBool);  // a picture is its own kin, which changes nothing
  const at::Tensor scale = at::tensor({5.0});
  const auto plain = contrastive_loss(pictures, texts, at::zeros({3, 3}, at::kBool), scale);
  EXPECT_FLOAT_EQ(contrastive_loss(pictures, texts, kin, scale).total.item<float>(),
                  plain.total.item<float>());
  // With the third a stranger to nobody, the first two are as if alone.
  kin = at::zeros({3, 3}, at::kBool);
  for (const int64_t i : {0, 1}) {
    kin[i][2].fill_(true);
    kin[2][i].fill_(true);
  }
  const auto two = contrastive_loss(pictures.narrow(0, 0, 2), texts.narrow(0, 0, 2),
                                    at::zeros({2, 2}, at::kBool), scale);
  EXPECT_NEAR(contrastive_loss(pictures, texts, kin, scale).total.item<double>(),
              two.total.item<double>() * 2 / 3, 1e-5);
}

}  // namespace
}  // namespace edgefusion::train
