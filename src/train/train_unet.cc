#include "train/train_unet.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <utility>

#include "graph/op_table.h"
#include "models/registry.h"
#include "train/average.h"
#include "train/batch_source.h"
#include "train/checkpoint.h"
#include "train/learning_rate.h"
#include "train/metrics_file.h"
#include "train/objective.h"

namespace edgefusion::train {
namespace {

constexpr int kKeptCheckpoints = 2, kMostBadSteps = 3;

Result<std::shared_ptr<const pipeline::Model>> open_model(const TrainConfig& config) {
  EF_TRY(auto model, pipeline::Model::open(config.model));
  if (model->folder().bundle != nullptr) {
    return fail(ErrorCode::unsupported,
                config.model.string() + ": a bundle; expected a folder (convert it back)");
  }
  return model;
}

/// A run on its way.
class TrainRun {
 public:
  TrainRun(const TrainConfig& config, std::shared_ptr<const pipeline::Model> model,
           std::unique_ptr<Objective> objective, BatchSource batches, TrainState state)
      : config_(config),
        model_(std::move(model)),
        objective_(std::move(objective)),
        batches_(std::move(batches)),
        state_(std::move(state)) {}

  Status run(const TrainCallbacks& callbacks, MetricsFile& metrics) {
    auto since = std::chrono::steady_clock::now();
    double loss_sum = 0;
    int64_t summed = 0;
    while (state_.step < config_.steps) {
      if (callbacks.cancel != nullptr && callbacks.cancel->load()) {
        EF_TRY_STATUS(save());
        return fail(ErrorCode::cancelled, "cancelled; a checkpoint was written");
      }
      EF_TRY(const StepResult result, step());
      loss_sum += result.loss;
      ++summed;
      if (state_.step % config_.log_every == 0 || state_.step == config_.steps) {
        const auto now = std::chrono::steady_clock::now();
        const double seconds = std::chrono::duration<double>(now - since).count();
        const auto samples = static_cast<double>(summed * config_.batch * config_.accumulate);
        const TrainMetrics line = {.step = state_.step,
                                   .loss = loss_sum / static_cast<double>(summed),
                                   .gradient_norm = result.gradient_norm,
                                   .learning_rate = result.learning_rate,
                                   .samples_per_second = samples / seconds};
        EF_TRY_STATUS(metrics.append(line));
        if (callbacks.step) callbacks.step(line);
        since = now;
        loss_sum = 0;
        summed = 0;
      }
      const bool due = state_.step % config_.checkpoint_every == 0;
      if (due || state_.step == config_.steps) EF_TRY_STATUS(save());
    }
    return {};
  }

 private:
  struct StepResult {
    double loss, gradient_norm, learning_rate;
  };

  Status save() const {
    std::map<std::string, nlohmann::json> changed = objective_->changed_files();
    changed["unet/config.json"] = objective_->network_config();
    return write_checkpoint(config_.out, *model_, changed, state_, kKeptCheckpoints);
  }

  Result<StepResult> step() {
    double loss_sum = 0;
    for (int64_t part = 0; part < config_.accumulate; ++part) {
      EF_TRY(const Batch batch, batches_.batch(state_.step * config_.accumulate + part));
      const at::Tensor loss = objective_->loss(batch, state_.parameters, state_.average) /
                              static_cast<double>(config_.accumulate);
      loss.backward();
      loss_sum += loss.item<double>();
    }
    const double rate = learning_rate_at(config_, state_.step);
    const double norm = state_.optimizer.step(rate, config_.clip_norm);
    if (std::isfinite(norm)) {
      bad_steps_ = 0;
    } else if (++bad_steps_ == kMostBadSteps) {
      return fail(ErrorCode::invalid_argument,
                  "step " + std::to_string(state_.step) +
                      ": the gradient is no number, as in the two steps "
                      "before; try a smaller learning_rate");
    }
    update_average(state_.average, state_.parameters,
                   average_decay_at(config_.ema_decay, state_.step));
    ++state_.step;
    return StepResult{loss_sum, norm, rate};
  }

  const TrainConfig& config_;
  std::shared_ptr<const pipeline::Model> model_;
  std::unique_ptr<Objective> objective_;
  BatchSource batches_;
  TrainState state_;
  int bad_steps_ = 0;
};

TrainState first_state(const TrainConfig& config, const Objective& objective,
                       const graph::Graph& graph) {
  Parameters parameters = objective.first_parameters(graph);
  Parameters average = parameters.frozen();
  Optimizer optimizer(parameters, {.weight_decay = config.weight_decay});
  return {0, std::move(parameters), std::move(average), std::move(optimizer)};
}

/// From the newest checkpoint if asked to; an earlier run is not overwritten.
Status take_up(const TrainConfig& config, bool resume, TrainState& state) {
  const auto checkpoint = newest_checkpoint(config.out);
  if (resume && !checkpoint) {
    return fail(ErrorCode::not_found, config.out.string() + ": no checkpoint to go on from");
  }
  if (resume) return read_checkpoint(*checkpoint, state);
  if (!checkpoint) return {};
  return fail(ErrorCode::invalid_argument,
              checkpoint->string() +
                  ": a checkpoint of an earlier run; go on with --resume, or "
                  "choose another folder for \"out\"");
}

}  // namespace

void use_threads(int threads) { at::set_num_threads(threads); }

Result<TrainPlan> plan_training(const TrainConfig& config) {
  EF_TRY(const auto model, open_model(config));
  EF_TRY(const auto objective, make_objective(config, model));
  const int64_t side = config.resolution / model->latent_space().pixels_per_latent;
  EF_TRY(const graph::Graph graph, objective->graph(1, side, side));
  const int64_t parameters = models::parameter_count(graph);
  // Weights, gradients, average, and AdamW's two moments, each in f32.
  return TrainPlan{.parameters = parameters,
                   .macs_per_sample = graph::graph_cost(graph).macs,
                   .weight_bytes = parameters * 5 * 4,
                   .latent_height = side,
                   .latent_width = side};
}

Status train_unet(const TrainConfig& config, bool resume, const TrainCallbacks& callbacks) {
  EF_TRY(const auto model, open_model(config));
  EF_TRY(auto objective, make_objective(config, model));
  std::error_code error;
  std::filesystem::create_directories(config.out, error);
  if (error) return fail(ErrorCode::io, config.out.string() + ": " + error.message());
  EF_TRY(LatentCache cache,
         LatentCache::open(config, *model, config.out, callbacks.log, callbacks.encoding));
  EF_TRY(TextStates text, TextStates::open(model, at::kCPU));
  EF_TRY(const DiffusionTask task, diffusion_task(*model));
  BatchSource batches(config, std::move(cache), std::move(text), task.levels.steps());
  EF_TRY(const graph::Graph graph,
         objective->graph(config.batch, batches.height(), batches.width()));
  EF_TRY_STATUS(objective->prepare(config.batch, batches.height(), batches.width()));
  TrainState state = first_state(config, *objective, graph);
  EF_TRY_STATUS(take_up(config, resume, state));
  EF_TRY(MetricsFile metrics, MetricsFile::open(config.out / "metrics.jsonl", state.step));
  TrainRun run(config, model, std::move(objective), std::move(batches), std::move(state));
  return run.run(callbacks, metrics);
}

}  // namespace edgefusion::train
