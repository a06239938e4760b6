#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>

#include "cli/bench_report.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/picture_size.h"
#include "core/json.h"
#include "core/process_memory.h"
#include "engine/machine_peak.h"
#include "engine/nominal_quantization.h"
#include "engine/random_weights.h"
#include "models/builtin_configs.h"
#include "models/registry.h"

namespace edgefusion::cli {
namespace {

using Clock = std::chrono::steady_clock;
using models::NetworkRole;

constexpr int64_t kPixelsPerLatent = 8, kTokens = 77;

struct Options {
  std::string arch = "bk-sdm-tiny", decoder = "taesd", size = "512x512", precision = "auto";
  std::string network;
  int steps = 2, repeat = 5, batch = 1;
  int band_lines = 0;
  bool per_op = false, json = false;
};

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// CPU time that all threads of this process have used.
double cpu_milliseconds() {
  return static_cast<double>(std::clock()) * 1e3 / static_cast<double>(CLOCKS_PER_SEC);
}

struct Target {
  NetworkRole role;
  std::string config;  ///< name of a builtin
};

std::vector<Target> targets(const Options& options) {
  std::vector<Target> all = {{NetworkRole::text_encoder, "clip-vit-l-14"},
                             {NetworkRole::unet, options.arch},
                             {NetworkRole::vae_decoder, options.decoder}};
  if (!options.network.empty()) {
    std::erase_if(all, [&](const Target& target) {
      return models::to_string(target.role) != options.network;
    });
  }
  return all;
}

Result<graph::Graph> build(const Target& target, const PictureSize& size, int batch) {
  EF_TRY(const std::string_view text, models::builtin_config(target.config));
  EF_TRY(const nlohmann::json config, parse_json(text, target.config));
  const models::NetworkSizes sizes = {.batch = batch,
                                      .height = size.height / kPixelsPerLatent,
                                      .width = size.width / kPixelsPerLatent,
                                      .tokens = kTokens};
  return models::build_network(config, target.config,
                               {.role = target.role, .sizes = sizes, .options = {}}, nullptr);
}

/// Inputs that keep activations ordinary: a small ramp, a timestep, ids within any vocabulary.
std::vector<Tensor> make_inputs(const engine::Program& program) {
  std::vector<Tensor> inputs;
  for (const auto& info : program.inputs()) {
    Tensor tensor(info.shape, info.dtype);
    int64_t i = 0;
    if (info.dtype == DType::i32) {
      for (int32_t& id : tensor.values<int32_t>()) id = static_cast<int32_t>(i++ % 1000);
    } else {
      const float step = info.name == "timestep" ? 0.0f : 0.01f;
      const float first = info.name == "timestep" ? 499.0f : -1.0f;
      for (float& value : tensor.values<float>()) {
        value = first + step * static_cast<float>(i++ % 200);
      }
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

std::vector<OpTime> by_op(const std::vector<engine::StepTime>& steps) {
  std::map<std::string, OpTime> ops;
  for (const auto& step : steps) {
    OpTime& op = ops[step.op_class];
    ++op.steps;
    op.ms += step.seconds * 1e3;
    op.gmac += static_cast<double>(step.macs) / 1e9;
  }
  std::vector<OpTime> sorted;
  for (auto& [name, op] : ops) {
    op.op = name;
    sorted.push_back(op);
  }
  std::ranges::sort(sorted, [](const OpTime& a, const OpTime& b) { return a.ms > b.ms; });
  return sorted;
}

Status run_repeatedly(engine::Program& program, const Options& options, const Runtime& runtime,
                      NetworkTimes& times) {
  const std::vector<Tensor> inputs = make_inputs(program);
  std::vector<ConstTensorView> in;
  for (const Tensor& input : inputs) in.push_back(input.view());
  std::vector<Tensor> results;
  for (const auto& info : program.outputs()) results.emplace_back(info.shape, info.dtype);
  std::vector<TensorView> out;
  for (Tensor& result : results) out.push_back(result.view());
  program.run(in, out, *runtime.pool);  // touches every page once
  std::vector<double> milliseconds, cpu;
  for (int i = 0; i < options.repeat; ++i) {
    if (interrupt_flag().load()) return fail(ErrorCode::cancelled, "cancelled");
    const double cpu_start = cpu_milliseconds();
    const auto start = Clock::now();
    program.run(in, out, *runtime.pool);
    milliseconds.push_back(milliseconds_since(start));
    cpu.push_back(cpu_milliseconds() - cpu_start);
  }
  times.run = summarize(milliseconds);
  times.run.cpu_min_ms = summarize(cpu).min_ms;
  if (options.per_op) {
    std::vector<engine::StepTime> steps;
    program.run(in, out, *runtime.pool, &steps);
    times.ops = by_op(steps);
  }
  return {};
}

Result<NetworkTimes> bench_network(const Target& target, const Options& options,
                                   const Runtime& runtime) {
  EF_TRY(const PictureSize size, parse_picture_size(options.size));
  EF_TRY(const engine::Precision precision,
         engine::parse_precision(options.precision, runtime.isa));
  EF_TRY(graph::Graph graph, build(target, size, options.batch));
  NetworkTimes times;
  times.name = models::to_string(target.role);
  auto weights = std::make_unique<engine::RandomWeights>(graph);
  const auto start = Clock::now();
  engine::CompileOptions compile_options = {
      .precision = precision,
      .taps = {},
      .bands = {.enabled = options.band_lines >= 0, .lines = std::max(0, options.band_lines)}};
  graph::NetworkQuantization quantization;
  if (precision == engine::Precision::int8) {
    quantization = engine::nominal_quantization(
        engine::prepared(graph, {.precision = engine::Precision::bf16}), runtime.isa);
    compile_options.quantization = &quantization;
  }
  EF_TRY(engine::Program program,
         engine::compile(std::move(graph), *weights, compile_options, runtime));
  times.load_ms = milliseconds_since(start);
  const engine::MemoryForecast& memory = program.memory();
  times.weights_mb = static_cast<double>(memory.weight_bytes) / 1e6;
  times.work_mb = static_cast<double>(memory.arena_bytes + memory.scratch_bytes) / 1e6;
  weights.reset();
  times.gmac = static_cast<double>(program.macs()) / 1e9;
  EF_TRY_STATUS(run_repeatedly(program, options, runtime, times));
  return times;
}

void add_whole(BenchReport& report) {
  if (report.networks.size() != 3) return;
  for (const NetworkTimes& network : report.networks) {
    const int runs = network.name == "unet" ? report.steps : 1;
    report.whole.min_ms += runs * network.run.min_ms;
    report.whole.median_ms += runs * network.run.median_ms;
  }
}

Status bench(const Options& options, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, make_runtime(common));
  EF_TRY(const engine::Precision precision,
         engine::parse_precision(options.precision, runtime.isa));
  catch_interrupts();
  BenchReport report;
  report.steps = options.steps;
  report.batch = options.batch;
  report.threads = runtime.pool->threads();
  report.isa = runtime.isa.to_string();
  report.peak_gmac_per_s = engine::measure_peak_macs_per_second(runtime, precision) / 1e9;
  for (const Target& target : targets(options)) {
    EF_TRY(NetworkTimes times, bench_network(target, options, runtime));
    times.peak_share = times.gmac / (times.run.min_ms * 1e-3) / report.peak_gmac_per_s;
    report.load_ms += times.load_ms;
    report.networks.push_back(std::move(times));
  }
  add_whole(report);
  report.peak_rss_mb = static_cast<double>(peak_resident_bytes()) / 1e6;
  if (options.json) {
    print_bench_json(report);
  } else {
    print_bench_text(report);
  }
  return {};
}

}  // namespace

Action declare_bench(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--arch", options->arch, "U-Net to time")
      ->check(CLI::IsMember({"bk-sdm-tiny", "bk-sdm-small", "bk-sdm-base", "sd15"}))
      ->capture_default_str();
  app.add_option("--decoder", options->decoder, "Decoder to time")
      ->check(CLI::IsMember({"taesd", "vae"}))
      ->capture_default_str();
  app.add_option("--size", options->size, "Picture size")->capture_default_str();
  app.add_option("--steps", options->steps, "U-Net passes in the whole picture")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--precision", options->precision,
                 "auto, f32, bf16 or int8 (each layer in what is fastest)")
      ->capture_default_str();
  app.add_option("--network", options->network, "Only this network")
      ->check(CLI::IsMember({"text_encoder", "unet", "vae_decoder"}));
  app.add_option("--batch", options->batch, "Pictures at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--repeat", options->repeat, "Timed runs of each network")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--band-lines", options->band_lines,
                 "Lines of large pictures made at a time: 0 by cache size, -1 whole pictures")
      ->check(CLI::Range(-1, 4096))
      ->capture_default_str();
  app.add_flag("--per-op", options->per_op, "Also the time of each kind of op");
  app.add_flag("--json", options->json, "Print JSON");
  app.footer("Example: edgefusion bench --arch bk-sdm-tiny --size 512x512 --per-op");
  return [options](const CommonOptions& common) { return bench(*options, common); };
}

}  // namespace edgefusion::cli
