#include "train/objective.h"

#include <string>
#include <tuple>
#include <utility>

#include "diffusion/noise_schedule.h"
#include "diffusion/scheduler.h"
#include "models/registry.h"
#include "train/distill_objective.h"
#include "train/lcm_objective.h"

namespace edgefusion::train {

namespace {

/// The U-Net takes the latents and texts of the pipeline it is trained in, and gives such latents.
Status check_it_fits(const pipeline::Model& model, const graph::Graph& graph,
                     const std::string& origin) {
  const auto last_axis = [&](graph::ValueId value) {
    const Shape& shape = graph.value(value).shape;
    return shape[shape.rank() - 1];
  };
  const int64_t channels = model.latent_space().channels;
  const int64_t width = model.unet().stages.front().context_width;
  const std::tuple<const char*, graph::ValueId, int64_t> expected[] = {
      {"in_channels", graph.find("sample"), channels},
      {"out_channels", graph.outputs()[0], channels},
      {"cross_attention_dim", graph.find("encoder_hidden_states"), width}};
  for (const auto& [key, value, wanted] : expected) {
    if (value == graph::kNoValue || last_axis(value) == wanted) continue;
    return fail(ErrorCode::unsupported, origin + ": " + key + ": expected " +
                                            std::to_string(wanted) + " as the model in " +
                                            model.folder().path.string() + " has them, found " +
                                            std::to_string(last_axis(value)));
  }
  return {};
}

}  // namespace

Result<graph::Graph> unet_graph(const pipeline::Model& model, const Described& unet,
                                const TensorSource* weights, const Shape& latents) {
  const models::NetworkRequest request = {.role = models::NetworkRole::unet,
                                          .sizes = {.batch = latents[0],
                                                    .height = latents[1],
                                                    .width = latents[2],
                                                    .tokens = model.text_tokens()}};
  EF_TRY(graph::Graph graph, models::build_network(unet.config, unet.origin, request, weights));
  EF_TRY_STATUS(check_it_fits(model, graph, unet.origin));
  return graph;
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
  if (model->unet().time_cond_width != 0 && !config.unet.is_object()) {
    return fail(ErrorCode::unsupported,
                model->network("unet").config_origin +
                    ": time_cond_proj_dim: expected none, a model of many steps; this one is told "
                    "the guidance scale and paints in a few (\"lcm\" takes such a one as "
                    "\"student\")");
  }
  EF_TRY(DiffusionTask task, diffusion_task(*model));
  switch (config.task) {
    case TrainTask::distill:
      return make_distill_objective(config, std::move(model), std::move(task));
    case TrainTask::lcm:
      return make_lcm_objective(config, std::move(model), std::move(task));
    case TrainTask::finetune:
      break;
  }
  if (config.unet.is_object() &&
      !config.unet.value("time_cond_proj_dim", nlohmann::json()).is_null()) {
    return fail(ErrorCode::unsupported,
                "unet: time_cond_proj_dim: expected none; a U-Net that is told the guidance scale "
                "is made by lcm");
  }
  return std::make_unique<DiffusionObjective>(config, std::move(model), std::move(task));
}

}  // namespace edgefusion::train
