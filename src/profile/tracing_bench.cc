// What tracing costs: the same network with and without a trace, turn by turn, one thread. The
// smaller the picture, the shorter the steps and the larger the share. `off`, `on`: least CPU time
// of a run in microseconds; `cost`: of `off`; `spans`: of one run.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <utility>

#include "core/json.h"
#include "core/runtime.h"
#include "core/trace.h"
#include "engine/program.h"
#include "engine/random_weights.h"
#include "models/builtin_configs.h"
#include "models/registry.h"
#include "pipeline/network_runner.h"

namespace edgefusion::profile {
namespace {

constexpr int64_t kPixelsPerLatent = 8, kTokens = 77;
constexpr int kTurns = 20;
constexpr size_t kRoom = 1 << 16;

template <typename T>
T checked(Result<T> result) {
  EF_CHECK(result.has_value(), result.error().message());
  return *std::move(result);
}

engine::Program program_of(const char* config_name, models::NetworkRole role, int64_t pixels,
                           const Runtime& runtime) {
  const auto config =
      checked(parse_json(checked(models::builtin_config(config_name)), config_name));
  const models::NetworkSizes sizes = {.batch = 1,
                                      .height = pixels / kPixelsPerLatent,
                                      .width = pixels / kPixelsPerLatent,
                                      .tokens = kTokens};
  graph::Graph graph = checked(models::build_network(
      config, config_name, {.role = role, .sizes = sizes, .options = {}}, nullptr));
  const engine::RandomWeights weights(graph);
  return checked(engine::compile(std::move(graph), weights,
                                 {.precision = engine::Precision::bf16, .taps = {}}, runtime));
}

double cpu_microseconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

void run_turns(benchmark::State& state, engine::Program& program, ThreadPool& pool) {
  pipeline::NamedTensors values;
  for (const auto& info : program.inputs()) values.try_emplace(info.name, info.shape, info.dtype);
  Trace trace(pool.threads(), kRoom);
  double least[2] = {std::numeric_limits<double>::max(), std::numeric_limits<double>::max()};
  for (auto _ : state) {
    for (int turn = 0; turn < 2 * kTurns; ++turn) {
      const int traced = turn % 2;
      trace.clear();
      pool.set_trace(traced == 1 ? &trace : nullptr);
      const double begin = cpu_microseconds();
      EF_CHECK(pipeline::run_part(program, values, pool).has_value(), "a run failed");
      least[traced] = std::min(least[traced], cpu_microseconds() - begin);
    }
  }
  pool.set_trace(nullptr);
  state.counters["off"] = least[0];
  state.counters["on"] = least[1];
  state.counters["cost"] = least[1] / least[0] - 1;
  state.counters["spans"] = static_cast<double>(trace.spans(0).size());
}

void tracing(benchmark::State& state, const char* config, models::NetworkRole role) {
  const Runtime runtime = checked(Runtime::make(1, "", {}));
  engine::Program program = program_of(config, role, state.range(0), runtime);
  run_turns(state, program, *runtime.pool);
}

BENCHMARK_CAPTURE(tracing, unet, "bk-sdm-tiny", models::NetworkRole::unet)
    ->Arg(64)
    ->Arg(128)
    ->Arg(256)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(tracing, decoder, "taesd", models::NetworkRole::vae_decoder)
    ->Arg(64)
    ->Arg(128)
    ->Arg(256)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace edgefusion::profile

BENCHMARK_MAIN();
