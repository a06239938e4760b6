#include "train/train_loop.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <chrono>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "core/json.h"
#include "formats/png.h"
#include "train/average.h"
#include "train/checkpoint.h"
#include "train/device.h"
#include "train/learning_rate.h"
#include "train/loss_chart.h"
#include "train/metrics_file.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProcesses = "processes";  // of a run of several, in run.json
constexpr int kKeptCheckpoints = 2, kMostBadSteps = 3;

/// Means of what the steps since the last line of metrics said.
class MetricsWindow {
 public:
  void add(const TrainMetrics& step, int64_t samples) {
    sums_.loss += step.loss;
    sums_.gradient_norm += step.gradient_norm;
    sums_.learning_rate = step.learning_rate;
    for (const auto& [name, value] : step.terms) sums_.terms[name] += value;
    samples_ += samples;
    ++steps_;
  }

  /// Of all processes.
  Result<TrainMetrics> close(int64_t step, Processes& processes) {
    const auto count = static_cast<double>(steps_);
    TrainMetrics line = std::exchange(sums_, {});
    line.step = step;
    line.gradient_norm /= count;  // the same in all of them
    std::vector<double> means = {line.loss / count};
    for (const auto& [name, value] : line.terms) means.push_back(value / count);
    EF_TRY_STATUS(processes.average(means));
    auto mean = means.begin();
    line.loss = *mean++;
    for (auto& [name, value] : line.terms) value = *mean++;
    const auto now = std::chrono::steady_clock::now();
    line.samples_per_second = static_cast<double>(std::exchange(samples_, 0)) /
                              std::chrono::duration<double>(now - since_).count();
    steps_ = 0;
    since_ = now;
    return line;
  }

 private:
  TrainMetrics sums_;
  int64_t steps_ = 0, samples_ = 0;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

/// A run on its way.
class TrainLoop {
 public:
  TrainLoop(const RunConfig& config, Trainee& trainee, Processes& processes, TrainState state)
      : config_(config), trainee_(trainee), processes_(processes), state_(std::move(state)) {}

  int64_t steps_done() const { return state_.step; }

  /// Makes sure that all processes begin at the same point.
  Status begin_together() {
    const std::vector<std::string> names = {"the step to begin at",
                                            "steps",
                                            "batch",
                                            "accumulate",
                                            "log_every",
                                            "checkpoint_every",
                                            "what the config's other fields come to"};
    const std::vector<int64_t> values = {state_.step,
                                         config_.steps,
                                         config_.batch,
                                         config_.accumulate,
                                         config_.log_every,
                                         config_.checkpoint_every,
                                         static_cast<int64_t>(fingerprint(config_.written) >> 1)};
    EF_TRY_STATUS(processes_.agree(values, names));
    EF_TRY_STATUS(processes_.copy_from_first(state_.parameters));
    EF_TRY_STATUS(processes_.copy_from_first(state_.average));
    if (state_.critic) EF_TRY_STATUS(processes_.copy_from_first(state_.critic->parameters));
    return {};
  }

  /// metrics: nullptr in all processes but the first.
  Status run(const TrainCallbacks& callbacks, MetricsFile* metrics) {
    MetricsWindow window;
    while (state_.step < config_.steps) {
      const bool cancel = callbacks.cancel != nullptr && callbacks.cancel->load();
      EF_TRY(const bool cancelled, processes_.any(cancel));
      if (cancelled) {
        EF_TRY_STATUS(save());
        return fail(ErrorCode::cancelled, "cancelled; a checkpoint was written");
      }
      EF_TRY(const TrainMetrics done, step());
      window.add(done, config_.batch * config_.accumulate * processes_.size());
      if (state_.step % config_.log_every == 0 || state_.step == config_.steps) {
        EF_TRY(const TrainMetrics line, window.close(state_.step, processes_));
        if (metrics != nullptr) EF_TRY_STATUS(metrics->append(line));
        if (callbacks.step) callbacks.step(line);
      }
      const bool due = state_.step % config_.checkpoint_every == 0;
      if (due || state_.step == config_.steps) {
        EF_TRY_STATUS(save());
        if (processes_.first()) EF_TRY_STATUS(show());
      }
    }
    return {};
  }

 private:
  Status save() const {
    return processes_.first_before_others([this]() -> Status {
      if (!processes_.first()) return {};
      return write();
    });
  }

  Status write() const {
    const ModelWriter write = [this](const fs::path& folder, const Parameters& model) {
      return trainee_.write_model(folder, model);
    };
    nlohmann::json run = config_.written;
    if (processes_.size() > 1) run[kProcesses] = processes_.size();
    return write_checkpoint(config_.out, write, state_, run, kKeptCheckpoints);
  }

  /// What people look at while it runs.
  Status show() const {
    EF_TRY_STATUS(write_loss_chart(config_.out / "metrics.jsonl", config_.out / "loss.png"));
    const fs::path checkpoint = *newest_checkpoint(config_.out);
    EF_TRY(const auto sheet, trainee_.sheet(checkpoint));
    if (!sheet) return {};
    const fs::path folder = config_.out / "sheets";
    std::error_code error;
    fs::create_directories(folder, error);
    const std::string number = checkpoint.filename().string().substr(kCheckpointPrefix.size());
    return formats::write_png(folder / (number + ".png"), *sheet);
  }

  /// Gradients of one batch, added to those that are there.
  Status add_gradients(int64_t number, TrainMetrics& metrics) {
    const auto share = 1.0 / static_cast<double>(config_.accumulate);
    const Parameters* critic = state_.critic ? &state_.critic->parameters : nullptr;
    EF_TRY(const Losses losses,
           trainee_.losses(number, {state_.parameters, state_.average, critic, state_.step}));
    const at::Tensor loss = losses.total * share;
    loss.backward();
    if (losses.critic.defined()) (losses.critic * share).backward();
    metrics.loss += loss.item<double>();
    for (const auto& [name, term] : losses.terms)
      metrics.terms[name] += term.item<double>() * share;
    return {};
  }

  Result<TrainMetrics> step() {
    TrainMetrics done;
    for (int64_t part = 0; part < config_.accumulate; ++part) {
      const int64_t all = state_.step * config_.accumulate + part;
      EF_TRY_STATUS(add_gradients(all * processes_.size() + processes_.rank(), done));
    }
    EF_TRY_STATUS(processes_.average_gradients(state_.parameters));
    if (state_.critic) EF_TRY_STATUS(processes_.average_gradients(state_.critic->parameters));
    done.learning_rate = learning_rate_at(config_, state_.step);
    done.gradient_norm = state_.optimizer.step(done.learning_rate, config_.clip_norm);
    if (state_.critic) state_.critic->optimizer.step(done.learning_rate, config_.clip_norm);
    if (std::isfinite(done.gradient_norm)) {
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
    return done;
  }

  const RunConfig& config_;
  Trainee& trainee_;
  Processes& processes_;
  TrainState state_;
  int bad_steps_ = 0;
};

TrainState first_state(const RunConfig& config, const Trainee& trainee) {
  const OptimizerOptions options = optimizer_options(config);
  Parameters parameters = trainee.first_parameters().to(device_of(config));
  Parameters average = parameters.frozen();
  Optimizer optimizer(parameters, options);
  TrainState state = {0, std::move(parameters), std::move(average), std::move(optimizer), {}};
  if (auto critic = trainee.first_critic()) {
    Parameters moved = critic->to(device_of(config));
    Optimizer its(moved, options);
    state.critic.emplace(CriticState{std::move(moved), std::move(its)});
  }
  return state;
}

/// Goes on from the newest checkpoint, and tells what is not as it was.
Status take_up(const RunConfig& config, int64_t processes, const LogSink& log, TrainState& state) {
  const fs::path checkpoint = *newest_checkpoint(config.out);
  EF_TRY(nlohmann::json before, run_of(checkpoint));
  if (!before.empty()) {
    const auto said = before.find("optimizer");
    const std::string optimizer = said != before.end() && said->is_string()
                                      ? said->get<std::string>()
                                      : RunConfig().optimizer;
    if (optimizer != config.optimizer) {
      return fail(ErrorCode::invalid_argument, "optimizer: expected \"" + printable(optimizer) +
                                                   "\", whose state is in " + checkpoint.string() +
                                                   ", found \"" + config.optimizer + "\"");
    }
    nlohmann::json now = config.written;
    before.emplace(kProcesses, 1);
    now[kProcesses] = processes;
    for (const std::string& change : changed_fields(before, now)) {
      log(LogLevel::warn, "not the run that " + checkpoint.string() + " is of: " + change);
    }
  }
  return read_checkpoint(checkpoint, state);
}

/// An error of one process among several: where it stands, and how to go on.
Error told(const Error& error, const RunConfig& config, int64_t steps_done) {
  if (error.code() != ErrorCode::io) return error;
  const auto checkpoint = newest_checkpoint(config.out);
  return Error(error.code(),
               "after step " + std::to_string(steps_done) + ": " + error.message() + "; " +
                   (checkpoint ? "all of them with --resume go on from " + checkpoint->string()
                               : "there is no checkpoint yet to go on from"));
}

}  // namespace

TrainCallbacks callbacks_of(const Processes& processes, TrainCallbacks callbacks) {
  if (processes.first()) return callbacks;
  return {.log = [](LogLevel, std::string_view) {},
          .reading = {},
          .encoding = {},
          .step = {},
          .cancel = callbacks.cancel};
}

Status run_training(const RunConfig& config, Trainee& trainee, bool resume, Processes& processes,
                    const TrainCallbacks& callbacks) {
  TrainState state = first_state(config, trainee);
  if (resume) EF_TRY_STATUS(take_up(config, processes.size(), callbacks.log, state));
  std::optional<MetricsFile> metrics;
  if (processes.first()) {
    EF_TRY(metrics, MetricsFile::open(config.out / "metrics.jsonl", state.step));
  }
  TrainLoop loop(config, trainee, processes, std::move(state));
  Status status = loop.begin_together();
  if (status) status = loop.run(callbacks, metrics ? &*metrics : nullptr);
  if (!status && processes.size() > 1) return fail(told(status.error(), config, loop.steps_done()));
  return status;
}

}  // namespace edgefusion::train
