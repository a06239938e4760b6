#include "profile/random_request.h"

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/content_hash.h"
#include "core/json.h"
#include "core/process_memory.h"
#include "engine/nominal_quantization.h"
#include "engine/random_weights.h"
#include "graph/passes/passes.h"
#include "graph/split_by_inputs.h"
#include "models/builtin_configs.h"
#include "models/registry.h"
#include "models/unet.h"
#include "pipeline/network_runner.h"
#include "profile/recorder.h"

namespace edgefusion::profile {
namespace {

using engine::Program;
using models::NetworkRole;
using pipeline::NamedTensors;

constexpr int kPixelsPerLatent = 8, kTokens = 77;

Result<graph::Graph> build(const RandomModel& model, NetworkRole role, const std::string& config) {
  EF_TRY(const std::string_view text, models::builtin_config(config));
  EF_TRY(const nlohmann::json json, parse_json(text, config));
  const models::NetworkSizes sizes = {.batch = 1,
                                      .height = model.height / kPixelsPerLatent,
                                      .width = model.width / kPixelsPerLatent,
                                      .tokens = kTokens};
  return models::build_network(json, config, {.role = role, .sizes = sizes, .options = {}},
                               nullptr);
}

/// A network or a part of it. `weights`: of the network as it was built, before any pass.
Result<Program> compile(graph::Graph graph, const engine::RandomWeights& weights,
                        const RandomModel& model, const Runtime& runtime,
                        std::vector<std::string> held = {}) {
  engine::CompileOptions options = {.precision = model.precision, .taps = {}};
  options.held_inputs = std::move(held);
  graph::NetworkQuantization quantization;
  if (model.precision == engine::Precision::int8) {
    quantization = engine::nominal_quantization(
        engine::prepared(graph, {.precision = engine::Precision::bf16}), runtime.isa);
    options.quantization = &quantization;
  }
  return engine::compile(std::move(graph), weights, options, runtime);
}

/// Inputs that keep activations ordinary: a small ramp, a timestep, ids within any vocabulary.
Tensor made_up(const engine::TensorInfo& info) {
  Tensor tensor(info.shape, info.dtype);
  int64_t i = 0;
  if (info.dtype == DType::i32) {
    for (int32_t& id : tensor.values<int32_t>()) id = static_cast<int32_t>(i++ % 1000);
    return tensor;
  }
  const bool is_timestep = info.name == "timestep";
  for (float& value : tensor.values<float>()) {
    value = is_timestep ? 499.0f : -1.0f + 0.01f * static_cast<float>(i++ % 200);
  }
  return tensor;
}

/// All Programs of a request, ready, with inputs.
class Networks {
 public:
  static Result<Networks> make(const RandomModel& model, const Runtime& runtime,
                               std::string& architecture) {
    Networks made;
    ContentHasher hasher;
    EF_TRY(graph::Graph text, build(model, NetworkRole::text_encoder, "clip-vit-l-14"));
    EF_TRY(graph::Graph unet, build(model, NetworkRole::unet, model.unet));
    EF_TRY(graph::Graph decoder, build(model, NetworkRole::vae_decoder, model.decoder));
    for (const graph::Graph* graph : {&text, &unet, &decoder}) hasher.add_text(graph->dump());
    architecture = hasher.result().to_hex();
    const engine::RandomWeights text_weights(text), decoder_weights(decoder);
    EF_TRY(made.text_, compile(std::move(text), text_weights, model, runtime));
    EF_TRY_STATUS(made.make_unet(std::move(unet), model, runtime));
    EF_TRY(made.decoder_, compile(std::move(decoder), decoder_weights, model, runtime));
    made.make_inputs();
    return made;
  }

  std::vector<const Program*> programs() const {
    std::vector<const Program*> all;
    for (const auto* program : {&text_, &once_, &timestep_, &step_, &decoder_}) {
      if (*program) all.push_back(&**program);
    }
    return all;
  }

  Status run(int steps, ThreadPool& pool) {
    EF_TRY_STATUS(run_stage("text encoder", *text_, pool));
    {
      const TraceScope stage(pool.trace(), SpanKind::stage, "U-Net");
      for (int step = 0; step < steps; ++step) EF_TRY_STATUS(denoise(step == 0, pool));
    }
    return run_stage("decoder", *decoder_, pool);
  }

 private:
  Status make_unet(graph::Graph graph, const RandomModel& model, const Runtime& runtime) {
    const engine::RandomWeights weights(graph);
    // As the pipeline does: before the cut, after which keys and values no longer stand beside the
    // attention they are for.
    if (engine::optional_passes(model.precision).merge_projections) {
      graph::merge_projections(graph);
    }
    graph::SplitGraph parts = graph::split_by_inputs(std::move(graph), models::unet_step_inputs());
    if (!parts.once.outputs().empty()) {
      EF_TRY(once_, compile(std::move(parts.once), weights, model, runtime));
    }
    if (!parts.timestep.outputs().empty()) {
      EF_TRY(timestep_, compile(std::move(parts.timestep), weights, model, runtime));
    }
    EF_TRY(step_, compile(std::move(parts.step), weights, model, runtime,
                          std::move(parts.constant_step_inputs)));
    return {};
  }

  void make_inputs() {
    for (const Program* program : programs()) {
      for (const auto infos : {program->inputs(), program->held_inputs()}) {
        for (const auto& info : infos) values_.try_emplace(info.name, made_up(info));
      }
    }
  }

  Status run_stage(const char* name, Program& program, ThreadPool& pool) {
    const TraceScope stage(pool.trace(), SpanKind::stage, name);
    return pipeline::run_part(program, values_, pool);
  }

  Status denoise(bool first, ThreadPool& pool) {
    const TraceScope iteration(pool.trace(), SpanKind::iteration, "denoising step");
    if (first && once_) EF_TRY_STATUS(pipeline::run_part(*once_, values_, pool));
    if (first) {
      const TraceScope span(pool.trace(), SpanKind::host, "values that do not change");
      EF_TRY_STATUS(pipeline::hold_inputs(*step_, values_));
    }
    if (timestep_) EF_TRY_STATUS(pipeline::run_part(*timestep_, values_, pool));
    return pipeline::run_part(*step_, values_, pool);
  }

  std::optional<Program> text_, once_, timestep_, step_, decoder_;
  NamedTensors values_;
};

}  // namespace

Result<Recording> profile_random(const RandomModel& model, const Runtime& runtime,
                                 const ProfileOptions& options) {
  Subject subject = {.model = "random " + model.unet + ", clip-vit-l-14, " + model.decoder,
                     .width = model.width,
                     .height = model.height,
                     .steps = model.steps,
                     .precision = std::string(engine::to_string(model.precision)),
                     .scheduler = "none"};
  const int64_t before = resident_bytes();
  EF_TRY(Networks networks, Networks::make(model, runtime, subject.architecture));
  Recorder recorder(runtime);
  Memory memory = {.forecast_peak_bytes = before};
  for (const Program* program : networks.programs()) {
    recorder.add_program(*program);
    memory.forecast_peak_bytes += program->memory().total();
  }
  if (options.subject_known) EF_TRY_STATUS(options.subject_known(subject));
  EF_TRY_STATUS(networks.run(1, *runtime.pool));
  memory.resident = {{"start", before}, {"all networks run", resident_bytes()}};
  memory.measured_peak_bytes = peak_resident_bytes();
  const Machine machine = measure_machine(runtime);
  EF_TRY_STATUS(
      trace_requests(recorder, options, [&] { return networks.run(model.steps, *runtime.pool); }));
  return finish_recording(std::move(recorder), std::move(subject), machine, std::move(memory));
}

}  // namespace edgefusion::profile
