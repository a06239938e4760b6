#include "train/latent_critic.h"

#include <ATen/ATen.h>

#include <utility>

#include "graph/builder.h"
#include "train/run_graph.h"

namespace edgefusion::train {
namespace {

constexpr int64_t kHeadChannels = 64;

std::string input_of(size_t head) { return "features." + std::to_string(head); }
std::string output_of(size_t head) { return "verdict." + std::to_string(head); }

}  // namespace

Result<LatentCritic> LatentCritic::make(const graph::Graph& teacher, const Parameters& weights) {
  LatentCritic critic;
  critic.teacher_ = &teacher;
  critic.weights_ = &weights;
  graph::GraphBuilder g("latent_critic", nullptr);
  for (size_t i = 0;; ++i) {
    const std::string tap = "down_blocks." + std::to_string(i);
    const graph::ValueId value = teacher.find(tap);
    if (value == graph::kNoValue) break;
    critic.taps_.push_back(tap);
    const graph::WeightScope w = graph::WeightScope("critic") / "heads" / static_cast<int>(i);
    const graph::ValueId x = g.input(input_of(i), teacher.value(value).shape);
    const graph::ValueId hidden = g.silu(g.conv2d(x, w / "hidden", kHeadChannels));
    g.output(output_of(i), g.conv2d(hidden, w / "out", 1, {.kernel = 1, .padding = 0}));
  }
  EF_TRY(critic.heads_, g.finish());
  return critic;
}

Parameters LatentCritic::first_heads(uint64_t seed) const {
  return Parameters::initialize(heads_, seed);
}

std::vector<at::Tensor> LatentCritic::verdicts(const Parameters& heads, const at::Tensor& latents,
                                               const View& view, const NoiseLevels& levels) const {
  const NamedTensors seen = run_graph_until(*teacher_, *weights_,
                                            {{"sample", levels.noised(latents, view.noise, view.t)},
                                             {"timestep", view.t.to(at::kFloat)},
                                             {"encoder_hidden_states", view.states}},
                                            taps_);
  NamedTensors features;
  for (size_t i = 0; i < taps_.size(); ++i) features[input_of(i)] = seen.at(taps_[i]);
  const NamedTensors judged = run_graph(heads_, heads, features);
  std::vector<at::Tensor> verdicts;
  for (size_t i = 0; i < taps_.size(); ++i) {
    verdicts.push_back(judged.at(output_of(i)).to(at::kFloat));
  }
  return verdicts;
}

}  // namespace edgefusion::train
