#include "profile/profile_request.h"

#include <string>
#include <utility>

#include "core/content_hash.h"
#include "core/process_memory.h"
#include "engine/machine_peak.h"
#include "pipeline/resolved_request.h"
#include "profile/recorder.h"

namespace edgefusion::profile {
namespace {

using pipeline::GenerationRequest;
using pipeline::GenerationResult;
using pipeline::Stage;
using pipeline::TextToImage;

/// What the request is, with a hash of the networks' graphs at its size: their shapes, not what is
/// in their weights.
Result<Subject> subject_of(const pipeline::Model& model, const GenerationRequest& request,
                           const std::string& model_name) {
  EF_TRY(const pipeline::ResolvedRequest resolved, pipeline::resolve_request(model, request));
  const int64_t height = resolved.latents[2], width = resolved.latents[3];
  ContentHasher hasher;
  EF_TRY(const graph::Graph text, model.text_encoder_graph(1, 0));
  EF_TRY(const graph::Graph unet, model.unet_graph(1, height, width));
  EF_TRY(const graph::Graph decoder, model.decoder_graph(1, height, width));
  for (const graph::Graph* network : {&text, &unet, &decoder}) hasher.add_text(network->dump());
  return Subject{.model = model_name,
                 .architecture = hasher.result().to_hex(),
                 .width = resolved.width,
                 .height = resolved.height,
                 .steps = resolved.steps,
                 .precision = std::string(engine::to_string(request.precision)),
                 .scheduler = resolved.scheduler_name,
                 .guidance_scale = resolved.guidance_scale};
}

/// The first request: nobody times it, so the system may be asked for the process's memory.
Status watch_memory(const TextToImage& painter, GenerationRequest request, Recorder& recorder,
                    Memory& memory) {
  EF_TRY(const auto forecast, painter.forecast(request));
  memory.forecast_peak_bytes = forecast.peak_bytes();
  const auto note = [&](std::string when) {
    memory.resident.push_back({std::move(when), resident_bytes()});
  };
  note("start");
  request.compiled = [&](const engine::Program& program) {
    recorder.add_program(program);
    note(program.name() + " ready");
  };
  request.progress = [&](Stage stage, size_t done, size_t total) {
    const std::string name(to_string(stage));
    note(done == 0 ? "before " + name
                   : name + " " + std::to_string(done) + " of " + std::to_string(total));
  };
  EF_TRY(const GenerationResult result, painter.generate(request));
  note("end");
  memory.measured_peak_bytes = peak_resident_bytes();
  return {};
}

}  // namespace

Machine measure_machine(const Runtime& runtime) {
  using engine::Precision;
  const auto peak = [&](Precision precision) {
    return engine::measure_peak_macs_per_second(runtime, precision);
  };
  return {.isa = runtime.isa.to_string(),
          .threads = runtime.pool->threads(),
          .f32_macs_per_s = peak(Precision::f32),
          .bf16_macs_per_s = peak(Precision::bf16),
          .int8_macs_per_s = peak(Precision::int8),
          .read_bytes_per_s = engine::measure_read_bytes_per_second(runtime)};
}

Status trace_requests(Recorder& recorder, const ProfileOptions& options,
                      const std::function<Status()>& serve) {
  for (int i = 0; i < options.requests; ++i) {
    if (options.cancel != nullptr && options.cancel->load()) {
      return fail(ErrorCode::cancelled, "cancelled");
    }
    if (options.progress) options.progress(i, options.requests);
    recorder.begin_request();
    EF_TRY_STATUS(serve());
    EF_TRY_STATUS(recorder.end_request());
  }
  return {};
}

Recording finish_recording(Recorder&& recorder, Subject subject, const Machine& machine,
                           Memory memory) {
  Recording recording = std::move(recorder).finish();
  Profile& profile = recording.profile;
  memory.programs = std::move(profile.memory.programs);
  profile.memory = std::move(memory);
  profile.machine = machine;
  profile.subject = std::move(subject);
  return recording;
}

Result<Recording> profile_request(const TextToImage& painter, const GenerationRequest& request,
                                  const std::string& model_name, const Runtime& runtime,
                                  const ProfileOptions& options) {
  EF_TRY(Subject subject, subject_of(painter.model(), request, model_name));
  if (options.subject_known) EF_TRY_STATUS(options.subject_known(subject));
  Recorder recorder(runtime);
  Memory memory;
  EF_TRY_STATUS(watch_memory(painter, request, recorder, memory));
  const Machine machine = measure_machine(runtime);
  GenerationRequest traced = request;
  traced.progress = nullptr;
  EF_TRY_STATUS(trace_requests(recorder, options, [&]() -> Status {
    EF_TRY(const GenerationResult result, painter.generate(traced));
    return {};
  }));
  return finish_recording(std::move(recorder), std::move(subject), machine, std::move(memory));
}

}  // namespace edgefusion::profile
