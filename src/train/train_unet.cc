#include "train/train_unet.h"

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "graph/op_table.h"
#include "models/registry.h"
#include "train/batch_source.h"
#include "train/device.h"
#include "train/lora.h"
#include "train/memory_forecast.h"
#include "train/model_copy.h"
#include "train/objective.h"
#include "train/run_folder.h"
#include "train/step_cost.h"
#include "train/train_loop.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

Result<std::shared_ptr<const pipeline::Model>> open_model(const TrainConfig& config) {
  EF_TRY(auto model, pipeline::Model::open(config.model));
  if (model->folder().bundle != nullptr) {
    return fail(ErrorCode::unsupported,
                config.model.string() + ": a bundle; expected a folder (convert it back)");
  }
  return model;
}

/// Each once, and the empty one.
std::vector<std::string> all_captions(const LatentCache& cache) {
  std::set<std::string> all = {""};
  for (int64_t i = 0; i < cache.count(); ++i) {
    all.insert(cache.captions(i).begin(), cache.captions(i).end());
  }
  return {all.begin(), all.end()};
}

class UnetTrainee final : public Trainee {
 public:
  UnetTrainee(const TrainConfig& config, std::shared_ptr<const pipeline::Model> model,
              std::unique_ptr<Objective> objective, graph::Graph graph)
      : config_(config),
        model_(std::move(model)),
        objective_(std::move(objective)),
        graph_(std::move(graph)) {}

  void take(BatchSource batches) { batches_.emplace(std::move(batches)); }

  Status prepare_adapters() {
    if (config_.lora.rank == 0) return {};
    base_ = objective_->first_parameters(graph_).to(device_of(config_)).frozen();
    EF_TRY(first_adapters_, first_adapters(*base_, config_.lora, config_.seed));
    return {};
  }

  /// Of adapters if there are any.
  Parameters first_parameters() const override {
    return base_ ? first_adapters_ : objective_->first_parameters(graph_);
  }

  std::optional<Parameters> first_critic() const override { return objective_->first_critic(); }

  Result<Losses> losses(int64_t number, const Networks& networks) override {
    EF_TRY(Batch batch, batches_->batch(number));
    batch.move_to(device_of(config_));
    return judged(batch, networks);
  }

  Losses judged(const Batch& batch, const Networks& networks) const {
    if (!base_) return objective_->losses(batch, networks);
    const Parameters parameters = adapted(*base_, networks.parameters, config_.lora);
    const Parameters average = objective_->needs_average()
                                   ? adapted(*base_, networks.average, config_.lora)
                                   : networks.average;
    return objective_->losses(batch, {parameters, average, networks.critic, networks.step});
  }

  Status write_model(const fs::path& folder, const Parameters& average) const override {
    std::error_code error;
    fs::create_directories(folder / "unet", error);
    if (error) return fail(ErrorCode::io, folder.string() + ": " + error.message());
    EF_TRY_STATUS(copy_other_parts(model_->folder().path, folder));
    std::map<std::string, nlohmann::json> changed = objective_->changed_files();
    changed["unet/config.json"] = objective_->network_config();
    for (const auto& [name, value] : changed) {
      fs::remove(folder / name, error);  // not through a link into the model's own file
      EF_TRY_STATUS(write_json(folder / name, value));
    }
    const fs::path unet = folder / "unet" / "diffusion_pytorch_model.safetensors";
    if (!base_) return average.save(unet, DType::f16);
    EF_TRY_STATUS(
        save_adapters(folder / "pytorch_lora_weights.safetensors", average, config_.lora));
    return adapted(*base_, average, config_.lora).save(unet, DType::f16);
  }

  Result<std::optional<formats::Image>> sheet(const fs::path& checkpoint) override {
    if (config_.sheet.prompts.empty()) return std::nullopt;
    return paint_sample_sheet(checkpoint, config_.sheet, config_.resolution);
  }

 private:
  const TrainConfig& config_;
  std::shared_ptr<const pipeline::Model> model_;
  std::unique_ptr<Objective> objective_;
  std::optional<BatchSource> batches_;  // nothing: it is only judged
  graph::Graph graph_;
  std::optional<Parameters> base_;  // what adapters are added to
  Parameters first_adapters_;
};

/// Latents of a side. Errors: invalid_argument where they do not fill it.
Result<int64_t> latents_of_side(const TrainConfig& config, const pipeline::Model& model) {
  const int64_t unit = model.latent_space().pixels_per_latent;
  if (config.resolution % unit == 0) return config.resolution / unit;
  return fail(ErrorCode::invalid_argument, "resolution: expected a multiple of " +
                                               std::to_string(unit) + " pixels, found " +
                                               std::to_string(config.resolution));
}

/// Of the sizes that training has, for measurements.
Batch random_batch(const TrainConfig& config, const pipeline::Model& model, int64_t side) {
  const int64_t count = config.batch, channels = model.latent_space().channels;
  const at::Tensor states =
      at::randn({count, model.text_tokens(), model.unet().stages.front().context_width});
  return {.clean = at::randn({count, side, side, channels}),
          .noise = at::randn({count, side, side, channels}),
          .t = at::full({count}, 500, at::kLong),
          .states = states,
          .without = states,
          .critic_noise = at::randn({count, side, side, channels}),
          .choices = at::full({count, 2}, 0.5)};
}

}  // namespace

Result<TrainPlan> plan_training(const TrainConfig& config) {
  EF_TRY(const auto model, open_model(config));
  EF_TRY(auto objective, make_objective(config, model));
  EF_TRY_STATUS(check_shards(config.shards));
  EF_TRY(const int64_t side, latents_of_side(config, *model));
  EF_TRY(const graph::Graph one, objective->graph(1, side, side));
  EF_TRY(graph::Graph graph, objective->graph(config.batch, side, side));
  EF_TRY_STATUS(check_memory(graph, config, config.activation_checkpointing));
  EF_TRY_STATUS(objective->prepare(config.batch, side, side));
  UnetTrainee trainee(config, model, std::move(objective), std::move(graph));
  EF_TRY_STATUS(trainee.prepare_adapters());
  Batch batch = random_batch(config, *model, side);
  batch.move_to(device_of(config));
  const SampleStep sample = {
      trainee.first_parameters(), trainee.first_critic(),
      [&](const Networks& networks) { return trainee.judged(batch, networks); }};
  return TrainPlan{.parameters = models::parameter_count(one),
                   .trained = sample.parameters.count(),
                   .macs_per_sample = graph::graph_cost(one).macs,
                   .step = measured_step(config, sample),
                   .latent_height = side,
                   .latent_width = side};
}

Status train_unet(const TrainConfig& config, bool resume, Processes& processes,
                  const TrainCallbacks& all_callbacks) {
  const TrainCallbacks callbacks = callbacks_of(processes, all_callbacks);
  EF_TRY(const auto model, open_model(config));
  EF_TRY(auto objective, make_objective(config, model));
  EF_TRY(const int64_t side, latents_of_side(config, *model));
  EF_TRY(graph::Graph graph, objective->graph(config.batch, side, side));
  EF_TRY_STATUS(check_memory(graph, config, config.activation_checkpointing));
  // Whatever can be wrong with it is told before pictures are encoded.
  EF_TRY_STATUS(check_out(config, resume));
  EF_TRY_STATUS(objective->prepare(config.batch, side, side));
  UnetTrainee trainee(config, model, std::move(objective), std::move(graph));
  EF_TRY_STATUS(trainee.prepare_adapters());
  std::optional<LatentCache> cache;
  EF_TRY(TextStates text, TextStates::open(model, device_of(config)));
  const auto prepare = [&]() -> Status {
    EF_TRY_STATUS(prepare_out(config, resume));
    EF_TRY(cache, LatentCache::open(config, *model, config.cache,
                                    {callbacks.log, callbacks.reading, callbacks.cancel}));
    if (config.text_states == "none") return {};
    return text.keep(all_captions(*cache), config.cache, callbacks.encoding, callbacks.cancel);
  };
  EF_TRY_STATUS(processes.first_before_others(prepare, Processes::kVeryLong));
  EF_TRY(const DiffusionTask task, diffusion_task(*model));
  trainee.take(BatchSource(config, std::move(*cache), std::move(text), task.levels.steps()));
  return run_training(config, trainee, resume, processes, callbacks);
}

}  // namespace edgefusion::train
