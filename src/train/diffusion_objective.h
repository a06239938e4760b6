#pragma once

#include <memory>
#include <string>
#include <vector>

#include "train/autocast.h"
#include "train/checkpointed_run.h"
#include "train/objective.h"
#include "train/run_graph.h"
#include "train/sample_order.h"

namespace edgefusion::train {

inline constexpr const char* kUnetOutput = "out_sample";

/// A U-Net's config, and what it is called in messages.
struct Described {
  const nlohmann::json& config;
  std::string origin;
};

/// The network at the sizes of latents [N,h,w]. Errors: those of build_network.
Result<graph::Graph> unet_graph(const pipeline::Model& model, const Described& unet,
                                const TensorSource* weights, const Shape& latents);

/// The network that is trained, as the config wants it run.
inline NamedTensors run_trained(const TrainConfig& config, const graph::Graph& graph,
                                const Parameters& parameters, const NamedTensors& inputs,
                                const std::vector<std::string>& taps = {}) {
  return config.activation_checkpointing ? run_graph_checkpointed(graph, parameters, inputs, taps)
                                         : run_graph(graph, parameters, inputs, taps);
}

/// Noise is added at a random timestep, the network learns to tell it.
class DiffusionObjective : public Objective {
 public:
  DiffusionObjective(const TrainConfig& config, std::shared_ptr<const pipeline::Model> model,
                     DiffusionTask task)
      : config_(config), model_(std::move(model)), task_(std::move(task)) {}

  const nlohmann::json& network_config() const override {
    return config_.unet.is_object() ? config_.unet : model_->network("unet").config;
  }

  Result<graph::Graph> graph(int64_t batch, int64_t height, int64_t width) const override {
    const std::string origin =
        weights() == nullptr ? "unet" : model_->network("unet").config_origin;
    return unet_graph(*model_, {network_config(), origin}, weights(), {batch, height, width});
  }

  Parameters first_parameters(const graph::Graph& graph) const override {
    if (weights() != nullptr) return Parameters::load(graph, *weights());
    return Parameters::initialize(graph, mixed_seed(config_.seed, Purpose::first_weights, 0));
  }

  Status prepare(int64_t batch, int64_t height, int64_t width) override {
    EF_TRY(graph_, graph(batch, height, width));
    return {};
  }

  Losses losses(const Batch& batch, const Networks& networks) const override {
    return {task_loss(batch, outputs(batch, networks.parameters, {}).at(kUnetOutput)), {}, {}};
  }

 protected:
  const TrainConfig& config() const { return config_; }
  const pipeline::Model& model() const { return *model_; }
  const DiffusionTask& task() const { return task_; }
  const graph::Graph& prepared_graph() const { return graph_; }

  NamedTensors inputs(const Batch& batch) const {
    return {{"sample", task_.levels.noised(batch.clean, batch.noise, batch.t)},
            {"timestep", batch.t.to(at::kFloat)},
            {"encoder_hidden_states", batch.states}};
  }

  NamedTensors outputs(const Batch& batch, const Parameters& parameters,
                       const std::vector<std::string>& taps) const {
    const AutocastGuard autocast(config_.bf16);
    return run_trained(config_, graph_, parameters, inputs(batch), taps);
  }

  at::Tensor task_loss(const Batch& batch, const at::Tensor& output) const {
    const at::Tensor target = task_.levels.target(task_.type, batch.clean, batch.noise, batch.t);
    if (config_.min_snr_gamma <= 0) return weighted_mse(output, target);
    const at::Tensor snr = task_.levels.signal_to_noise(batch.t);
    return weighted_mse(output, target, min_snr_weights(task_.type, snr, config_.min_snr_gamma));
  }

 private:
  /// nullptr: from scratch.
  const TensorSource* weights() const {
    return config_.unet.is_object() ? nullptr : model_->network("unet").weights.get();
  }

  const TrainConfig& config_;
  std::shared_ptr<const pipeline::Model> model_;
  DiffusionTask task_;
  graph::Graph graph_;
};

}  // namespace edgefusion::train
