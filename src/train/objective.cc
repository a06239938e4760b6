#include "train/objective.h"

#include <utility>

#include "diffusion/noise_schedule.h"
#include "diffusion/scheduler.h"
#include "models/registry.h"
#include "train/distill_objective.h"
#include "train/lcm_objective.h"

namespace edgefusion::train {

Result<graph::Graph> unet_graph(const pipeline::Model& model, const Described& unet,
                                const TensorSource* weights, const Shape& latents) {
  const models::NetworkRequest request = {.role = models::NetworkRole::unet,
                                          .sizes = {.batch = latents[0],
                                                    .height = latents[1],
                                                    .width = latents[2],
                                                    .tokens = model.text_tokens()}};
  return models::build_network(unet.config, unet.origin, request, weights);
}

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
  switch (config.task) {
    case TrainTask::distill:
      return make_distill_objective(config, std::move(model), std::move(task));
    case TrainTask::lcm:
      return make_lcm_objective(config, std::move(model), std::move(task));
    case TrainTask::finetune:
      break;
  }
  return std::make_unique<DiffusionObjective>(config, std::move(model), std::move(task));
}

}  // namespace edgefusion::train
