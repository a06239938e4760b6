#include "train/finetune.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
#include <utility>

#include "diffusion/noise_schedule.h"
#include "diffusion/scheduler.h"
#include "graph/op_table.h"
#include "models/registry.h"
#include "train/average.h"
#include "train/checkpoint.h"
#include "train/latent_cache.h"
#include "train/learning_rate.h"
#include "train/metrics_file.h"
#include "train/noise_levels.h"
#include "train/run_graph.h"
#include "train/sample_order.h"
#include "train/text_states.h"

namespace edgefusion::train {
namespace {

constexpr int kKeptCheckpoints = 2, kMostBadSteps = 3;
// What random numbers are for: mixed into their seeds.
enum Purpose : uint64_t { kInit = 1, kNoise = 2, kChoice = 3 };

/// Products in bf16 while it lives, weights and sums in f32.
class AutocastGuard {
 public:
  explicit AutocastGuard(bool on) : on_(on) {
    if (!on_) return;
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);
  }
  ~AutocastGuard() {
    if (!on_) return;
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
  }
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  bool on_;
};

/// The network to be trained: its config, and the model it belongs to.
struct Student {
  std::shared_ptr<const pipeline::Model> model;
  nlohmann::json config;
  std::string config_origin;
  const TensorSource* weights = nullptr;  // null: from scratch

  Result<graph::Graph> graph(int64_t batch, int64_t height, int64_t width) const {
    const models::NetworkRequest request = {
        .role = models::NetworkRole::unet,
        .sizes = {
            .batch = batch, .height = height, .width = width, .tokens = model->text_tokens()}};
    return models::build_network(config, config_origin, request, weights);
  }
};

Result<Student> open_student(const TrainConfig& config) {
  Student student;
  EF_TRY(student.model, pipeline::Model::open(config.model));
  if (student.model->folder().bundle != nullptr) {
    return fail(ErrorCode::unsupported,
                config.model.string() + ": a bundle; expected a folder (convert it back)");
  }
  const formats::NetworkFiles& own = student.model->network("unet");
  const bool scratch = config.unet.is_object();
  student.config = scratch ? config.unet : own.config;
  student.config_origin = scratch ? "unet" : own.config_origin;
  student.weights = scratch ? nullptr : own.weights.get();
  return student;
}

/// Of the model's schedule: what the U-Net predicts, and the noise at each timestep.
struct Task {
  PredictionType type;
  NoiseLevels levels;
};

Result<Task> task_of(const pipeline::Model& model) {
  const std::string& origin = model.folder().scheduler_origin;
  EF_TRY(const auto schedule, diffusion::read_scheduler_config(model.defaults().scheduler,
                                                               model.scheduler_config(), origin));
  EF_TRY(const PredictionType type, diffusion::parse_prediction_type(schedule, true));
  EF_TRY(const auto alphas, diffusion::alphas_cumprod(schedule));
  return Task{type, NoiseLevels(alphas)};
}

/// One batch, ready for the network.
struct Batch {
  at::Tensor clean, noise, t, states;
};

class Finetuning {
 public:
  Finetuning(const TrainConfig& config, Student student, Task task, graph::Graph graph,
             LatentCache cache, TextStates text, TrainState state)
      : config_(config),
        student_(std::move(student)),
        task_(std::move(task)),
        graph_(std::move(graph)),
        cache_(std::move(cache)),
        text_(std::move(text)),
        state_(std::move(state)),
        order_(cache_.count(), config.seed) {}

  TrainState& state() { return state_; }

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
    return write_checkpoint(config_.out, *student_.model, student_.config, state_,
                            kKeptCheckpoints);
  }

  /// Everything random in a batch comes from seed and number of the batch alone.
  Result<Batch> make_batch(int64_t number) {
    at::Generator random = at::detail::createCPUGenerator(
        mixed_seed(config_.seed, kNoise, static_cast<uint64_t>(number)));
    const std::vector<int64_t> samples = order_.at(number * config_.batch, config_.batch);
    std::vector<uint8_t> mirrored;
    std::vector<std::string> captions;
    for (size_t i = 0; i < samples.size(); ++i) {
      const uint64_t seed =
          mixed_seed(config_.seed, kChoice, static_cast<uint64_t>(number * config_.batch) + i);
      const std::vector<std::string>& all = cache_.captions(samples[i]);
      const bool dropped = static_cast<double>(seed >> 11) * 0x1p-53 < config_.caption_dropout;
      captions.push_back(dropped ? std::string() : all[(seed & 0x3ff) % all.size()]);
      mirrored.push_back(config_.flip && (seed & 0x400) != 0 ? 1 : 0);
    }
    Batch batch;
    batch.clean = cache_.latents(samples, mirrored);
    batch.noise = at::empty_like(batch.clean).normal_(0, 1, random);
    if (config_.noise_offset > 0) {
      const at::Tensor shift = at::empty({config_.batch, 1, 1, batch.clean.size(3)}, at::kFloat)
                                   .normal_(0, config_.noise_offset, random);
      batch.noise = batch.noise + shift;
    }
    batch.t = at::empty({config_.batch}, at::kLong).random_(0, task_.levels.steps(), random);
    EF_TRY(batch.states, text_.of(captions));
    return batch;
  }

  at::Tensor loss_of(const Batch& batch) {
    const NamedTensors inputs = {{"sample", task_.levels.noised(batch.clean, batch.noise, batch.t)},
                                 {"timestep", batch.t.to(at::kFloat)},
                                 {"encoder_hidden_states", batch.states}};
    at::Tensor output;
    {
      const AutocastGuard autocast(config_.bf16);
      output = run_graph(graph_, state_.parameters, inputs).at("out_sample");
    }
    const at::Tensor target = task_.levels.target(task_.type, batch.clean, batch.noise, batch.t);
    at::Tensor weights;
    if (config_.min_snr_gamma > 0) {
      weights =
          min_snr_weights(task_.type, task_.levels.signal_to_noise(batch.t), config_.min_snr_gamma);
    }
    return weighted_mse(output, target, weights);
  }

  Result<StepResult> step() {
    double loss_sum = 0;
    for (int64_t part = 0; part < config_.accumulate; ++part) {
      EF_TRY(const Batch batch, make_batch(state_.step * config_.accumulate + part));
      const at::Tensor loss = loss_of(batch) / static_cast<double>(config_.accumulate);
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
  Student student_;
  Task task_;
  graph::Graph graph_;
  LatentCache cache_;
  TextStates text_;
  TrainState state_;
  SampleOrder order_;
  int bad_steps_ = 0;
};

Result<TrainState> first_state(const TrainConfig& config, const Student& student,
                               const graph::Graph& graph) {
  Parameters parameters = student.weights == nullptr
                              ? Parameters::initialize(graph, mixed_seed(config.seed, kInit, 0))
                              : Parameters::load(graph, *student.weights);
  Parameters average = parameters.frozen();
  Optimizer optimizer(parameters, {.weight_decay = config.weight_decay});
  return TrainState{0, std::move(parameters), std::move(average), std::move(optimizer)};
}

}  // namespace

void use_threads(int threads) { at::set_num_threads(threads); }

Result<TrainPlan> plan_finetune(const TrainConfig& config) {
  EF_TRY(const Student student, open_student(config));
  const int64_t side = config.resolution / student.model->latent_space().pixels_per_latent;
  EF_TRY(const graph::Graph graph, student.graph(1, side, side));
  const int64_t parameters = models::parameter_count(graph);
  // Weights, gradients, average, and AdamW's two moments, each in f32.
  return TrainPlan{.parameters = parameters,
                   .macs_per_sample = graph::graph_cost(graph).macs,
                   .weight_bytes = parameters * 5 * 4,
                   .latent_height = side,
                   .latent_width = side};
}

Status finetune(const TrainConfig& config, bool resume, const TrainCallbacks& callbacks) {
  EF_TRY(Student student, open_student(config));
  EF_TRY(Task task, task_of(*student.model));
  std::error_code error;
  std::filesystem::create_directories(config.out, error);
  if (error) return fail(ErrorCode::io, config.out.string() + ": " + error.message());
  EF_TRY(LatentCache cache,
         LatentCache::open(config, *student.model, config.out, callbacks.log, callbacks.encoding));
  EF_TRY(graph::Graph graph, student.graph(config.batch, cache.height(), cache.width()));
  EF_TRY(TextStates text, TextStates::open(student.model, at::kCPU));
  EF_TRY(TrainState state, first_state(config, student, graph));
  const auto checkpoint = newest_checkpoint(config.out);
  if (resume) {
    if (!checkpoint) {
      return fail(ErrorCode::not_found, config.out.string() + ": no checkpoint to go on from");
    }
    EF_TRY_STATUS(read_checkpoint(*checkpoint, state));
  } else if (checkpoint) {
    return fail(ErrorCode::invalid_argument,
                checkpoint->string() +
                    ": a checkpoint of an earlier run; go on with --resume, or "
                    "choose another folder for \"out\"");
  }
  EF_TRY(MetricsFile metrics, MetricsFile::open(config.out / "metrics.jsonl", state.step));
  Finetuning run(config, std::move(student), std::move(task), std::move(graph), std::move(cache),
                 std::move(text), std::move(state));
  return run.run(callbacks, metrics);
}

}  // namespace edgefusion::train
