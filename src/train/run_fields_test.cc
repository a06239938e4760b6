#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "train/tensors.h"
#include "train/testing/train_case.h"

// What fields of the optimiser do to a whole run.

namespace edgefusion::train {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

class RunFieldsTest : public TrainUnetTest {
 protected:
  /// Of training/<file>.safetensors in the checkpoint of a step; f32, as all that is trained.
  static Tensors trained(const TrainConfig& config, int64_t step, const std::string& file) {
    const fs::path checkpoint = config.out / ("checkpoint-0000000" + std::to_string(step));
    const auto tensors =
        formats::SafetensorsFile::open(checkpoint / "training" / (file + ".safetensors"));
    EXPECT_TRUE(tensors) << tensors.error().message();
    Tensors found;
    for (const std::string& name : tensors->names()) {
      if (name.starts_with("step.")) continue;  // AdamW's counts
      const ConstTensorView& view = *tensors->find(name);
      EXPECT_EQ(view.dtype, DType::f32) << name;
      found[name] = to_torch(view);
    }
    return found;
  }

  /// Length of a - b over all tensors, as a share of the length of b - c (c: zeros if empty).
  static double distance(const Tensors& a, const Tensors& b, const Tensors& c = {}) {
    double apart = 0, length = 0;
    for (const auto& [name, tensor] : b) {
      const at::Tensor origin = c.empty() ? at::zeros_like(tensor) : c.at(name);
      apart += (a.at(name) - tensor).square().sum().item<double>();
      length += (tensor - origin).square().sum().item<double>();
    }
    return std::sqrt(apart / length);
  }
};

TEST_F(RunFieldsTest, TheAverageOfARunFollowsTheWeightsByRampAndDecay) {
  TrainConfig c = config("out", 2);
  c.checkpoint_every = 1;
  c.ema_decay = 0.999;
  const Status status = run(c);
  ASSERT_TRUE(status) << status.error().message();
  const Tensors before = trained(c, 1, "average"), after = trained(c, 2, "average");
  Tensors expected;
  for (const auto& [name, tensor] : trained(c, 2, "parameters")) {
    expected[name] = 2.0 / 11 * before.at(name) + 9.0 / 11 * tensor;
    EXPECT_LE((after.at(name) - expected[name]).abs().max().item<float>(), 1e-6f) << name;
  }
  EXPECT_GT(distance(after, trained(c, 2, "parameters"), trained(c, 1, "parameters")), 0.01);
}

TEST_F(RunFieldsTest, TwoBatchesAccumulatedAreOneOfTwiceTheSize) {
  const auto one_step = [&](const std::string& out, int64_t batch, int64_t accumulate) {
    TrainConfig c = config(out, 1);
    c.batch = batch;
    c.accumulate = accumulate;
    const Status status = run(c);
    EXPECT_TRUE(status) << status.error().message();
    return c;
  };
  const TrainConfig whole = one_step("whole", 6, 1);
  const TrainMetrics expected = metrics_.back();
  const TrainConfig parts = one_step("parts", 3, 2);
  const TrainMetrics found = metrics_.back();
  const TrainConfig half = one_step("half", 3, 1);
  EXPECT_NEAR(found.loss, expected.loss, 1e-5 * expected.loss);
  EXPECT_NEAR(found.gradient_norm, expected.gradient_norm, 1e-4 * expected.gradient_norm);
  // A tenth of the gradient is the first momentum.
  const Tensors momenta = trained(whole, 1, "optimizer");
  EXPECT_LT(distance(trained(parts, 1, "optimizer"), momenta), 1e-4);
  EXPECT_GT(distance(trained(half, 1, "optimizer"), momenta), 0.1);
  // AdamW steps by the sign of a gradient that is nothing but rounding: few may differ.
  int64_t moved = 0, all = 0;
  const Tensors others = trained(parts, 1, "parameters");
  for (const auto& [name, tensor] : trained(whole, 1, "parameters")) {
    moved += (others.at(name) - tensor).abs().gt(1e-5).sum().item<int64_t>();
    all += tensor.numel();
  }
  EXPECT_LT(moved, all / 500) << "of " << all;
}

TEST_F(RunFieldsTest, ProductsInBf16LeadWhereThoseInF32Do) {
  const auto metrics_of = [&](const std::string& out, bool bf16) {
    TrainConfig c = config(out, 60);
    c.unet = json::parse(std::ifstream(std::string(kModel) + "/unet/config.json"));
    c.caption_dropout = 0;
    c.bf16 = bf16;
    const Status status = run(c);
    EXPECT_TRUE(status) << status.error().message();
    return metrics_;
  };
  const auto whole = metrics_of("f32", false), short_products = metrics_of("bf16", true);
  ASSERT_EQ(whole.size(), short_products.size());
  EXPECT_LT(short_products.back().loss, 0.8 * short_products.front().loss);
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_NE(short_products[i].loss, whole[i].loss) << "products are in f32";
    EXPECT_NEAR(short_products[i].loss, whole[i].loss, 0.02 * whole[i].loss);
  }
}

TEST_F(RunFieldsTest, AfterAFewStepsInBf16WeightsAreInF32AndNearThoseOfF32) {
  const auto last = [&](const std::string& out, bool bf16) {
    TrainConfig c = config(out, 4);
    c.checkpoint_every = 3;
    c.bf16 = bf16;
    EXPECT_TRUE(run(c));
    return c;
  };
  const TrainConfig whole = last("f32", false), short_products = last("bf16", true);
  const Tensors weights = trained(short_products, 4, "parameters");
  int64_t fine = 0;  // values that bf16 cannot hold
  for (const auto& [name, tensor] : weights) {
    fine += tensor.to(at::kBFloat16).to(at::kFloat).ne(tensor).sum().item<int64_t>();
  }
  EXPECT_GT(fine, 10000);
  const Tensors others = trained(whole, 4, "parameters"), before = trained(whole, 3, "parameters");
  EXPECT_GT(distance(weights, others), 0);
  EXPECT_LT(distance(weights, others, before), 0.8) << "of a step's length";
}

}  // namespace
}  // namespace edgefusion::train
