#include "train/step_cost.h"

#include <ATen/ATen.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <chrono>
#include <memory>

#include "train/device.h"
#include "train/optimizer.h"

namespace edgefusion::train {
namespace {

int64_t bytes_of(const Parameters& parameters) { return parameters.count() * 4; }

}  // namespace

StepCost measured_step(const RunConfig& config, const SampleStep& sample) {
  const Parameters parameters = sample.parameters.to(device_of(config));
  const Parameters average = parameters.frozen();
  const OptimizerOptions options = optimizer_options(config);
  Optimizer optimizer(parameters, options);
  std::optional<Parameters> critic;
  std::optional<Optimizer> its;
  if (sample.critic) its.emplace(critic.emplace(sample.critic->to(device_of(config))), options);
  const Networks networks = {parameters, average, critic ? &*critic : nullptr, config.steps};
  const auto step = [&] {
    for (int64_t part = 0; part < config.accumulate; ++part) {
      const Losses losses = sample.losses(networks);
      losses.total.backward();
      if (losses.critic.defined()) losses.critic.backward();
    }
    optimizer.step(config.learning_rate, config.clip_norm);
    if (its) its->step(config.learning_rate, config.clip_norm);
  };
  const auto memory = std::make_shared<PeakMemory>();
  StepCost cost;
  {
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, memory);
    step();  // makes the optimiser's state, which stays
    const auto begin = std::chrono::steady_clock::now();
    step();
    cost.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  cost.bytes = memory->bytes() + bytes_of(sample.parameters) + bytes_of(average);
  if (sample.critic) cost.bytes += bytes_of(*sample.critic);
  return cost;
}

}  // namespace edgefusion::train
