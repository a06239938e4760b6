#include "train/checkpointed_run.h"

#include <ATen/ATen.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "formats/safetensors.h"
#include "train/autocast.h"
#include "train/diffusion_objective.h"
#include "train/step_cost.h"
#include "train/tensors.h"
#include "train/testing/train_case.h"

namespace edgefusion::train {
namespace {

/// A U-Net of three stages with everything in it, and a batch.
struct Network {
  static json config() {
    json config = json::parse(std::ifstream(std::string(kModel) + "/unet/config.json"));
    config["layers_per_block"] = 2;
    config["block_out_channels"] = {16, 24, 24};
    config["down_block_types"] = {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"};
    config["up_block_types"] = {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"};
    return config;
  }

  std::shared_ptr<const pipeline::Model> model = *pipeline::Model::open(kModel);
  graph::Graph graph = *unet_graph(*model, {config(), "unet"}, nullptr, {4, 16, 16});
  Parameters parameters = Parameters::initialize(graph, 5);
  NamedTensors inputs = {
      {"sample", at::randn({4, 16, 16, 4})},
      {"timestep", at::tensor({10.0f, 300.0f, 600.0f, 999.0f})},
      {"encoder_hidden_states", at::randn({4, model->text_tokens(), context_width()})}};

  static int64_t context_width() { return config().at("cross_attention_dim").get<int64_t>(); }

  using Run = NamedTensors (*)(const graph::Graph&, const Parameters&, const NamedTensors&,
                               const std::vector<std::string>&);

  /// The loss; gradients are in the parameters.
  double backward(Run run, bool bf16) const {
    for (const auto& [name, parameter] : parameters.all()) parameter.mutable_grad().reset();
    NamedTensors outputs;
    {
      const AutocastGuard autocast(bf16);
      outputs = run(graph, parameters, inputs, {"down_blocks.1", "mid_block"});
    }
    EXPECT_EQ(outputs.size(), 3U);
    at::Tensor loss = at::zeros({});
    for (const auto& [name, output] : outputs) {
      loss = loss + output.to(at::kFloat).square().mean();
    }
    loss.backward();
    return loss.item<double>();
  }
};

TEST(CheckpointedRun, ResultsAreTheSameAndGradientsToRounding) {
  at::manual_seed(6);
  const Network network;
  for (const bool bf16 : {false, true}) {
    const double loss = network.backward(run_graph, bf16);
    std::map<std::string, at::Tensor> gradients;
    for (const auto& [name, parameter] : network.parameters.all()) {
      gradients[name] = parameter.grad().clone();
    }
    EXPECT_EQ(network.backward(run_graph_checkpointed, bf16), loss);
    for (const auto& [name, parameter] : network.parameters.all()) {
      ASSERT_TRUE(parameter.grad().defined()) << name;
      const double length = gradients.at(name).norm().item<double>();
      const double error = (parameter.grad() - gradients.at(name)).norm().item<double>();
      EXPECT_LE(error, (bf16 ? 1e-2 : 1e-5) * length + 1e-9) << name << " bf16 " << bf16;
    }
  }
}

TEST(CheckpointedRun, NeedsLessThanHalfTheMemory) {
  const Network network;
  const auto peak = [&](Network::Run run) {
    const auto memory = std::make_shared<PeakMemory>();
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, memory);
    network.backward(run, false);
    return memory->bytes();
  };
  const int64_t whole = peak(run_graph), checkpointed = peak(run_graph_checkpointed);
  RecordProperty("whole_bytes", static_cast<int>(whole));
  RecordProperty("checkpointed_bytes", static_cast<int>(checkpointed));
  EXPECT_LT(checkpointed, whole / 2);
}

TEST(CheckpointedRun, GradientsReachInputs) {
  at::manual_seed(7);
  Network network;
  const auto gradient = [&](Network::Run run) {
    network.inputs["sample"] = network.inputs["sample"].detach().set_requires_grad(true);
    network.backward(run, false);
    return network.inputs["sample"].grad().clone();
  };
  const at::Tensor expected = gradient(run_graph);
  EXPECT_GT(expected.abs().max().item<double>(), 0);
  const double error = (gradient(run_graph_checkpointed) - expected).norm().item<double>();
  EXPECT_LE(error, 1e-5 * expected.norm().item<double>());
}

class CheckpointedTraining : public TrainUnetTest {};

TEST_F(CheckpointedTraining, GivesTheWeightsOfATrainingWithout) {
  const TrainConfig without = config("without", 3);
  ASSERT_TRUE(run(without));
  const double loss = metrics_.back().loss;
  TrainConfig with = config("with", 3);
  with.activation_checkpointing = true;
  ASSERT_TRUE(run(with));
  EXPECT_NEAR(metrics_.back().loss, loss, 1e-5 * loss);
  const auto file = [](const TrainConfig& c) {
    return *formats::SafetensorsFile::open(c.out /
                                           "checkpoint-00000003/training/parameters.safetensors");
  };
  const auto expected = file(without), found = file(with);
  for (const std::string& name : expected.names()) {
    const at::Tensor a = to_torch(*expected.find(name)), b = to_torch(*found.find(name));
    EXPECT_LT((a - b).abs().max().item<double>(), 1e-4) << name;
  }
}

}  // namespace
}  // namespace edgefusion::train
