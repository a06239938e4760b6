#include "train/objective.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>
#include <vector>

#include "diffusion/noise_schedule.h"
#include "diffusion/scheduler.h"
#include "models/registry.h"
#include "train/autocast.h"
#include "train/inherited_weights.h"
#include "train/run_graph.h"

namespace edgefusion::train {
namespace {

constexpr uint64_t kFirstWeights = 1;  // what a random number is for; see batch_source.cc
constexpr const char* kOutput = "out_sample";

/// A U-Net's config, and what it is called in messages.
struct Described {
  const nlohmann::json& config;
  std::string origin;
};

Result<graph::Graph> unet_graph(const pipeline::Model& model, const Described& unet,
                                const TensorSource* weights, const Shape& latents) {
  const models::NetworkRequest request = {.role = models::NetworkRole::unet,
                                          .sizes = {.batch = latents[0],
                                                    .height = latents[1],
                                                    .width = latents[2],
                                                    .tokens = model.text_tokens()}};
  return models::build_network(unet.config, unet.origin, request, weights);
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
    return Parameters::initialize(graph, mixed_seed(config_.seed, kFirstWeights, 0));
  }

  Status prepare(int64_t batch, int64_t height, int64_t width) override {
    EF_TRY(graph_, graph(batch, height, width));
    return {};
  }

  at::Tensor loss(const Batch& batch, const Parameters& parameters) const override {
    return task_loss(batch, outputs(batch, parameters, {}).at(kOutput));
  }

 protected:
  const TrainConfig& config() const { return config_; }
  const pipeline::Model& model() const { return *model_; }

  NamedTensors inputs(const Batch& batch) const {
    return {{"sample", task_.levels.noised(batch.clean, batch.noise, batch.t)},
            {"timestep", batch.t.to(at::kFloat)},
            {"encoder_hidden_states", batch.states}};
  }

  NamedTensors outputs(const Batch& batch, const Parameters& parameters,
                       const std::vector<std::string>& taps) const {
    const AutocastGuard autocast(config_.bf16);
    return run_graph(graph_, parameters, inputs(batch), taps);
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

/// BK-SDM (Kim et al. 2023): a student made of the teacher's blocks learns the task, the teacher's
/// output, and the teacher's features stage by stage.
class DistillObjective final : public DiffusionObjective {
 public:
  DistillObjective(const TrainConfig& config, std::shared_ptr<const pipeline::Model> model,
                   DiffusionTask task, BlockRemoval removal, nlohmann::json student)
      : DiffusionObjective(config, std::move(model), std::move(task)),
        removal_(removal),
        student_(std::move(student)) {
    for (const auto& [theirs, ours] : matched_features(teacher_config(), removal_)) {
      teacher_taps_.push_back(theirs);
      student_taps_.push_back(ours);
    }
  }

  const nlohmann::json& network_config() const override { return student_; }

  Result<graph::Graph> graph(int64_t batch, int64_t height, int64_t width) const override {
    return unet_graph(model(), {student_, "student"}, nullptr, {batch, height, width});
  }

  Parameters first_parameters(const graph::Graph& graph) const override {
    return Parameters::load(
        graph, InheritedWeights(*model().network("unet").weights, teacher_config(), removal_));
  }

  Status prepare(int64_t batch, int64_t height, int64_t width) override {
    EF_TRY_STATUS(DiffusionObjective::prepare(batch, height, width));
    const TensorSource& weights = *model().network("unet").weights;
    EF_TRY(teacher_graph_,
           unet_graph(model(), {teacher_config(), model().network("unet").config_origin}, &weights,
                      {batch, height, width}));
    teacher_ = Parameters::load(teacher_graph_, weights).frozen();
    return {};
  }

  at::Tensor loss(const Batch& batch, const Parameters& parameters) const override {
    const NamedTensors theirs = teacher_outputs(batch);
    const NamedTensors ours = outputs(batch, parameters, student_taps_);
    at::Tensor features = at::zeros({});
    for (size_t i = 0; i < student_taps_.size(); ++i) {
      features = features + weighted_mse(ours.at(student_taps_[i]),
                                         theirs.at(teacher_taps_[i]).to(at::kFloat));
    }
    return config().task_weight * task_loss(batch, ours.at(kOutput)) +
           config().output_weight *
               weighted_mse(ours.at(kOutput), theirs.at(kOutput).to(at::kFloat)) +
           config().feature_weight * features;
  }

 private:
  const nlohmann::json& teacher_config() const { return model().network("unet").config; }

  NamedTensors teacher_outputs(const Batch& batch) const {
    const at::NoGradGuard no_grad;
    const AutocastGuard autocast(config().bf16);
    return run_graph(teacher_graph_, teacher_, inputs(batch), teacher_taps_);
  }

  BlockRemoval removal_;
  nlohmann::json student_;
  std::vector<std::string> teacher_taps_, student_taps_;
  graph::Graph teacher_graph_;
  Parameters teacher_;
};

}  // namespace

Result<DiffusionTask> diffusion_task(const pipeline::Model& model) {
  const std::string& origin = model.folder().scheduler_origin;
  EF_TRY(const auto schedule, diffusion::read_scheduler_config(model.defaults().scheduler,
                                                               model.scheduler_config(), origin));
  EF_TRY(const PredictionType type, diffusion::parse_prediction_type(schedule, true));
  EF_TRY(const auto alphas, diffusion::alphas_cumprod(schedule));
  return DiffusionTask{type, NoiseLevels(alphas)};
}

Result<std::unique_ptr<Objective>> make_objective(const TrainConfig& config,
                                                  std::shared_ptr<const pipeline::Model> model) {
  EF_TRY(DiffusionTask task, diffusion_task(*model));
  if (config.task == TrainTask::finetune) {
    return std::make_unique<DiffusionObjective>(config, std::move(model), std::move(task));
  }
  EF_TRY(const BlockRemoval removal, parse_block_removal(config.removal));
  const formats::NetworkFiles& teacher = model->network("unet");
  EF_TRY(nlohmann::json student, student_config(teacher.config, removal, teacher.config_origin));
  return std::make_unique<DistillObjective>(config, std::move(model), std::move(task), removal,
                                            std::move(student));
}

}  // namespace edgefusion::train
