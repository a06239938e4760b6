#include "train/muon.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "formats/safetensors.h"
#include "train/tensors.h"

namespace edgefusion::train {
namespace {

/// A matrix whose singular values are these, between random orthonormal bases.
at::Tensor with_singular_values(const at::Tensor& values, int64_t rows, int64_t columns) {
  const at::Tensor left = std::get<0>(at::linalg_qr(at::randn({rows, values.size(0)})));
  const at::Tensor right = std::get<0>(at::linalg_qr(at::randn({columns, values.size(0)})));
  return left.matmul(values.unsqueeze(1) * right.t());
}

TEST(Muon, BringsSingularValuesNearOne) {
  at::manual_seed(1);
  const at::Tensor values = at::linspace(0.02, 1, 24);
  for (const auto& [rows, columns] : {std::pair{24, 60}, std::pair{60, 24}, std::pair{24, 24}}) {
    const at::Tensor matrix = with_singular_values(values, rows, columns);
    const at::Tensor result = orthogonalized(matrix.unsqueeze(0) * 3e4).to(at::kFloat)[0];
    const at::Tensor after = at::linalg_svdvals(result);
    EXPECT_GT(after.min().item<double>(), 0.6) << rows << "x" << columns;
    EXPECT_LT(after.max().item<double>(), 1.3) << rows << "x" << columns;
    // The bases stay: what it was multiplied with is symmetric, and has no negative direction.
    const at::Tensor product = result.matmul(matrix.t());
    EXPECT_LT((product - product.t()).abs().max().item<double>(), 0.05);
    EXPECT_GT(product.diagonal().min().item<double>(), 0);
  }
}

TEST(Muon, MatricesOfABatchDoNotMix) {
  at::manual_seed(2);
  const at::Tensor matrices = at::randn({3, 8, 20}) * at::tensor({1.0, 1e-3, 1e3}).view({3, 1, 1});
  const at::Tensor together = orthogonalized(matrices);
  for (int64_t i = 0; i < 3; ++i) {
    const at::Tensor alone = orthogonalized(matrices.narrow(0, i, 1));
    EXPECT_LT((together.narrow(0, i, 1) - alone).abs().max().item<double>(), 0.02) << i;
  }
  EXPECT_EQ(orthogonalized(at::zeros({1, 4, 6})).abs().max().item<double>(), 0);
}

TEST(Muon, StepsAsPyTorchDoes) {
  const auto golden = *formats::SafetensorsFile::open(std::string(EF_SOURCE_DIR) +
                                                      "/tests/goldens/training/muon.safetensors");
  const auto at = [&](const std::string& name) { return to_torch(*golden.find(name)); };
  std::vector<Muon::Named> parameters;
  for (const std::string name : {"wide", "tall"}) {
    parameters.emplace_back(name, at("before." + name).set_requires_grad(true));
  }
  Muon muon(parameters, {.weight_decay = 0.05});
  for (int step = 0; step < 3; ++step) {
    const std::string number = std::to_string(step) + ".";
    for (auto& [name, parameter] : parameters) {
      parameter.mutable_grad() = at("gradient." + number + name);
    }
    const double rate = at("rate." + std::to_string(step)).item<double>();
    muon.step(rate);
    for (const auto& [name, parameter] : parameters) {
      // The iteration is in bf16: singular values of about 1 to 2^-8, times 0.2 sqrt(16) = 0.8.
      const double error =
          (parameter.detach() - at("after." + number + name)).abs().max().item<double>();
      EXPECT_LT(error, rate * 0.8 * 0.02) << step << name;
    }
  }
}

TEST(Muon, StepsMatricesWithinTheNetworkOnly) {
  const at::Tensor matrix = at::zeros({4, 3, 3, 2}), vector = at::zeros({4});
  EXPECT_TRUE(muon_steps("down_blocks.0.resnets.0.conv1.weight", matrix));
  EXPECT_TRUE(muon_steps("mid_block.attentions.0.to_q.weight", matrix));
  EXPECT_FALSE(muon_steps("down_blocks.0.resnets.0.conv1.bias", vector));
  EXPECT_FALSE(muon_steps("conv_in.weight", matrix));
  EXPECT_FALSE(muon_steps("conv_out.weight", matrix));
  EXPECT_FALSE(muon_steps("time_embedding.linear_1.weight", matrix));
  EXPECT_FALSE(muon_steps("embeddings.word_embeddings.weight", matrix));
}

}  // namespace
}  // namespace edgefusion::train
