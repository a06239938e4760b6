#include "train/distill_objective.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "train/autocast.h"
#include "train/device.h"
#include "train/inherited_weights.h"

namespace edgefusion::train {
namespace {

class DistillObjective final : public DiffusionObjective {
 public:
  DistillObjective(const TrainConfig& config, std::shared_ptr<const pipeline::Model> model,
                   DiffusionTask task, BlockRemoval removal)
      : DiffusionObjective(config, std::move(model), std::move(task)),
        removal_(std::move(removal)) {
    for (const auto& [theirs, ours] : removal_.matched_features()) {
      teacher_taps_.push_back(theirs);
      student_taps_.push_back(ours);
    }
  }

  const nlohmann::json& network_config() const override { return removal_.student_config(); }

  Result<graph::Graph> graph(int64_t batch, int64_t height, int64_t width) const override {
    // With its weights: a block that is moved to a place of another width is told by its tensor.
    const InheritedWeights weights(teacher_weights(), removal_);
    return unet_graph(model(), {network_config(), "student"}, &weights, {batch, height, width});
  }

  Parameters first_parameters(const graph::Graph& graph) const override {
    return Parameters::load(graph, InheritedWeights(teacher_weights(), removal_));
  }

  Status prepare(int64_t batch, int64_t height, int64_t width) override {
    EF_TRY_STATUS(DiffusionObjective::prepare(batch, height, width));
    const formats::NetworkFiles& teacher = model().network("unet");
    EF_TRY(teacher_graph_, unet_graph(model(), {teacher.config, teacher.config_origin},
                                      &teacher_weights(), {batch, height, width}));
    teacher_ = Parameters::load(teacher_graph_, teacher_weights()).to(device_of(config())).frozen();
    return {};
  }

  Losses losses(const Batch& batch, const Networks& networks) const override {
    const NamedTensors theirs = teacher_outputs(batch);
    const NamedTensors ours = outputs(batch, networks.parameters, student_taps_);
    at::Tensor features = at::zeros({}, batch.clean.options());
    for (size_t i = 0; i < student_taps_.size(); ++i) {
      features = features + weighted_mse(ours.at(student_taps_[i]),
                                         theirs.at(teacher_taps_[i]).to(at::kFloat));
    }
    Losses losses;
    losses.add("task", config().task_weight, task_loss(batch, ours.at(kUnetOutput)));
    losses.add("output", config().output_weight,
               weighted_mse(ours.at(kUnetOutput), theirs.at(kUnetOutput).to(at::kFloat)));
    losses.add("features", config().feature_weight, features);
    return losses;
  }

 private:
  const TensorSource& teacher_weights() const { return *model().network("unet").weights; }

  NamedTensors teacher_outputs(const Batch& batch) const {
    const at::NoGradGuard no_grad;
    const AutocastGuard autocast(config().bf16);
    return run_graph(teacher_graph_, teacher_, inputs(batch), teacher_taps_);
  }

  BlockRemoval removal_;
  std::vector<std::string> teacher_taps_, student_taps_;
  graph::Graph teacher_graph_;
  Parameters teacher_;
};

}  // namespace

Result<std::unique_ptr<Objective>> make_distill_objective(
    const TrainConfig& config, std::shared_ptr<const pipeline::Model> model, DiffusionTask task) {
  const formats::NetworkFiles& teacher = model->network("unet");
  EF_TRY(BlockRemoval removal,
         BlockRemoval::plan(teacher.config, config.removal, teacher.config_origin));
  return std::make_unique<DistillObjective>(config, std::move(model), std::move(task),
                                            std::move(removal));
}

}  // namespace edgefusion::train
