#include "train/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "formats/safetensors.h"
#include "graph/builder.h"
#include "graph/testing/given_weights.h"
#include "train/tensors.h"

namespace edgefusion::train {
namespace {

/// A network that has the two parameters of the golden, "matrix" and "vector".
graph::Graph two_parameters() {
  graph::GraphBuilder builder("two", nullptr);
  const graph::ValueId matrix = builder.weight(graph::WeightScope("matrix"), {3, 4});
  const graph::ValueId vector = builder.weight(graph::WeightScope("vector"), {5});
  builder.output("a", builder.affine(matrix, 1.0f, 0.0f));
  builder.output("b", builder.affine(vector, 1.0f, 0.0f));
  return *builder.finish();
}

struct Golden {
  formats::SafetensorsFile file = *formats::SafetensorsFile::open(
      std::string(EF_SOURCE_DIR) + "/tests/goldens/training/adamw.safetensors");

  at::Tensor at(const std::string& name) const { return to_torch(*file.find(name)); }
  double number(const std::string& name) const {
    return static_cast<double>(load_as_f32(*file.find(name), 0));
  }
  Parameters parameters() const {
    graph::GivenWeights weights;
    weights.set("matrix", Tensor::copy_of(*file.find("before.matrix")));
    weights.set("vector", Tensor::copy_of(*file.find("before.vector")));
    return Parameters::load(two_parameters(), weights);
  }
};

constexpr OptimizerOptions kOptions{.adamw = {.beta2 = 0.99, .weight_decay = 0.05}};

/// Step number `step` of the golden.
double take_step(const Golden& golden, const Parameters& parameters, Optimizer& optimizer,
                 int step) {
  const std::string number = std::to_string(step) + ".";
  for (const auto& [name, parameter] : parameters.all()) {
    parameter.mutable_grad() = golden.at("gradient." + number + name);
  }
  return optimizer.step(golden.number("rate." + std::to_string(step)), 1.0);
}

TEST(Optimizer, StepsAndClipsAsPyTorchDoes) {
  const Golden golden;
  const Parameters parameters = golden.parameters();
  Optimizer optimizer(parameters, kOptions);
  for (int step = 0; step < 5; ++step) {
    const double length = take_step(golden, parameters, optimizer, step);
    EXPECT_NEAR(length, golden.number("length." + std::to_string(step)), 1e-5);
    for (const auto& [name, parameter] : parameters.all()) {
      const at::Tensor after = golden.at("after." + std::to_string(step) + "." + name);
      EXPECT_LT((parameter.detach() - after).abs().max().item<double>(), 1e-7) << step << name;
      EXPECT_FALSE(parameter.grad().defined());
    }
  }
}

TEST(Optimizer, ARestoredOneGoesOnBitForBit) {
  const Golden golden;
  const Parameters straight = golden.parameters();
  Optimizer whole(straight, kOptions);
  for (int step = 0; step < 5; ++step) take_step(golden, straight, whole, step);

  const Parameters halves = golden.parameters();
  Optimizer first(halves, kOptions);
  for (int step = 0; step < 2; ++step) take_step(golden, halves, first, step);
  Optimizer second(halves, kOptions);
  ASSERT_TRUE(second.restore(first.state(), "optimizer.safetensors"));
  for (int step = 2; step < 5; ++step) take_step(golden, halves, second, step);
  for (const auto& [name, parameter] : straight.all()) {
    EXPECT_TRUE(at::equal(parameter, halves.at(name))) << name;
  }
}

TEST(Optimizer, WithMuonARestoredOneGoesOnBitForBit) {
  const Golden golden;
  OptimizerOptions options = kOptions;
  options.muon = true;
  const Parameters straight = golden.parameters(), adamw = golden.parameters();
  Optimizer whole(straight, options), other(adamw, kOptions);
  for (int step = 0; step < 5; ++step) {
    take_step(golden, straight, whole, step);
    take_step(golden, adamw, other, step);
  }
  EXPECT_TRUE(at::equal(straight.at("vector"), adamw.at("vector")));
  EXPECT_FALSE(at::equal(straight.at("matrix"), adamw.at("matrix")));

  const Parameters halves = golden.parameters();
  Optimizer first(halves, options);
  for (int step = 0; step < 2; ++step) take_step(golden, halves, first, step);
  Optimizer second(halves, options);
  ASSERT_TRUE(second.restore(first.state(), "optimizer.safetensors"));
  for (int step = 2; step < 5; ++step) take_step(golden, halves, second, step);
  EXPECT_TRUE(at::equal(straight.at("matrix"), halves.at("matrix")));

  auto state = first.state();
  state["momentum_buffer.matrix"] = at::zeros({4, 3});
  const Status status = second.restore(state, "optimizer.safetensors");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(),
            "optimizer.safetensors: momentum_buffer.matrix: shape [4,3], expected shape [3,4]");
}

TEST(Optimizer, AStateThatDoesNotFitIsNamed) {
  const Golden golden;
  const Parameters parameters = golden.parameters();
  Optimizer optimizer(parameters, kOptions);
  take_step(golden, parameters, optimizer, 0);
  auto state = optimizer.state();
  state["exp_avg.matrix"] = at::zeros({4, 3});
  const Status status = optimizer.restore(state, "optimizer.safetensors");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(),
            "optimizer.safetensors: exp_avg.matrix: shape [4,3], expected shape [3,4]");
}

TEST(Optimizer, AGradientThatIsNoNumberChangesNothing) {
  const Golden golden;
  const Parameters parameters = golden.parameters();
  Optimizer optimizer(parameters, kOptions);
  parameters.at("vector").mutable_grad() = at::full({5}, std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(std::isnan(optimizer.step(1e-2, 1.0)));
  EXPECT_TRUE(at::equal(parameters.at("vector").detach(), golden.at("before.vector")));
  EXPECT_FALSE(parameters.at("vector").grad().defined());
}

}  // namespace
}  // namespace edgefusion::train
