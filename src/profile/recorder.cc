#include "profile/recorder.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace edgefusion::profile {
namespace {

bool is_leaf(SpanKind kind) {
  return kind == SpanKind::step || kind == SpanKind::copy || kind == SpanKind::host;
}

double milliseconds(const TraceSpan& span) { return span.seconds() * 1e3; }

/// Outer spans before those within them.
void sort_by_begin(std::vector<TraceSpan>& spans) {
  std::ranges::sort(spans, [](const TraceSpan& a, const TraceSpan& b) {
    return std::tuple(a.begin_ns, -a.end_ns, a.kind) < std::tuple(b.begin_ns, -b.end_ns, b.kind);
  });
}

/// The sample of the request, the last one; those that something did not happen in are zero.
double& sample(Samples& samples, size_t request) {
  samples.ms.resize(request + 1, 0.0);
  return samples.ms[request];
}

Cost cost_of(const engine::StepInfo& step) {
  return {step.macs, step.read_bytes, step.written_bytes};
}

}  // namespace

std::string block_of(const std::string& name) {
  size_t begin = 0;
  while (true) {
    const size_t end = std::min(name.find('.', begin), name.size());
    const bool is_number = begin < end && std::all_of(name.begin() + static_cast<ptrdiff_t>(begin),
                                                      name.begin() + static_cast<ptrdiff_t>(end),
                                                      [](char c) { return c >= '0' && c <= '9'; });
    if (is_number) return name.substr(0, end);
    if (end == name.size()) return name.substr(0, name.find('.'));
    begin = end + 1;
  }
}

ProgramMemory memory_of(const engine::Program& program) {
  const std::vector<engine::StepInfo> steps = program.steps();
  const std::vector<engine::PlannedBuffer> buffers = program.buffers();
  const engine::MemoryForecast& forecast = program.memory();
  ProgramMemory memory = {.program = program.name(),
                          .weight_bytes = forecast.weight_bytes,
                          .arena_bytes = forecast.arena_bytes,
                          .scratch_bytes = forecast.scratch_bytes};
  memory.live_bytes.assign(steps.size(), 0);
  for (const engine::PlannedBuffer& buffer : buffers) {
    for (int step = std::max(buffer.first_step, 0); step <= buffer.last_step; ++step) {
      if (static_cast<size_t>(step) < steps.size()) {
        memory.live_bytes[static_cast<size_t>(step)] += buffer.bytes;
      }
    }
  }
  if (steps.empty()) return memory;
  const auto peak = std::ranges::max_element(memory.live_bytes) - memory.live_bytes.begin();
  memory.peak_step = static_cast<int>(peak);
  memory.peak_name = steps[static_cast<size_t>(peak)].name;
  for (const engine::PlannedBuffer& buffer : buffers) {
    if (buffer.first_step > memory.peak_step || buffer.last_step < memory.peak_step) continue;
    memory.alive.push_back({buffer.name, buffer.bytes});
  }
  std::ranges::stable_sort(memory.alive, std::greater(), &ProgramMemory::Alive::bytes);
  return memory;
}

Recorder::Recorder(const Runtime& runtime, size_t spans)
    : runtime_(runtime), trace_(runtime.pool->threads(), spans) {}

Recorder::~Recorder() { runtime_.pool->set_trace(nullptr); }

void Recorder::add_program(const engine::Program& program) {
  if (programs_.contains(program.name())) return;
  program_order_.push_back(program.name());
  programs_[program.name()] = {program.steps(), memory_of(program)};
}

void Recorder::begin_request() {
  trace_.clear();
  runtime_.pool->set_trace(&trace_);
}

Status Recorder::end_request() {
  runtime_.pool->set_trace(nullptr);
  if (trace_.lost() != 0) {
    return fail(ErrorCode::resource_exhausted,
                "trace: no room for " + std::to_string(trace_.lost()) +
                    " spans, expected fewer steps or a smaller picture");
  }
  const auto main = trace_.spans(0);
  add_spans({main.begin(), main.end()});
  return {};
}

void Recorder::add_spans(std::vector<TraceSpan> spans) {
  sort_by_begin(spans);
  TraceSpan stage = {0, -1, 0, -1, SpanKind::stage}, last_iteration = stage;
  size_t iterations = 0;
  Profile& profile = recording_.profile;
  sample(profile.whole, requests_);
  sample(profile.parts_sum, requests_);
  for (const TraceSpan& span : spans) {
    if (span.kind == SpanKind::stage) add_stage(stage = span);
    if (span.end_ns > stage.end_ns || span.kind == SpanKind::stage) continue;
    if (span.kind == SpanKind::iteration) {
      last_iteration = span;
      if (profile.iterations.size() == iterations) {
        profile.iterations.push_back({.name = "step " + std::to_string(iterations + 1)});
      }
      sample(profile.iterations[iterations++].time, requests_) += milliseconds(span);
    }
    const bool iterates = iterations > 0 && span.end_ns <= last_iteration.end_ns;
    if (span.kind == SpanKind::run && requests_ == 0) {
      add_run(span, stage, iterates ? &profile.iterations[iterations - 1] : nullptr);
    }
    if (is_leaf(span.kind)) add_leaf(span, stage);
  }
  if (requests_ == 0 || profile.whole.ms.back() < fastest_ms_) keep_timeline();
  ++requests_;
}

void Recorder::keep_timeline() {
  fastest_ms_ = recording_.profile.whole.ms.back();
  auto& threads = recording_.timeline.threads;
  threads.clear();
  for (int thread = 0; thread < trace_.threads(); ++thread) {
    const auto own = trace_.spans(thread);
    threads.emplace_back(own.begin(), own.end());
    sort_by_begin(threads.back());
  }
}

void Recorder::add_stage(const TraceSpan& span) {
  Profile& profile = recording_.profile;
  const std::string& name = trace_.name(span.label);
  auto found = std::ranges::find(profile.stages, name, &Stage::name);
  if (found == profile.stages.end()) {
    profile.stages.push_back({.name = name, .loads = name.starts_with("load ")});
    found = profile.stages.end() - 1;
  }
  sample(found->time, requests_) += milliseconds(span);
  if (!found->loads) sample(profile.whole, requests_) += milliseconds(span);
}

Part Recorder::new_part(const TraceSpan& span, const TraceSpan& stage) const {
  const std::string& label = trace_.name(span.label);
  if (span.kind == SpanKind::host) {
    return {.network = "host: " + trace_.name(stage.label),
            .name = label,
            .op_class = "host",
            .block = "(host)"};
  }
  if (span.kind == SpanKind::copy) {
    return {.network = label,
            .name = "inputs, outputs and windows of bands",
            .op_class = "copy",
            .block = "(copy)"};
  }
  const auto found = programs_.find(label);
  EF_CHECK(found != programs_.end(), label + " was not given to add_program()");
  const engine::StepInfo& step = found->second.steps[static_cast<size_t>(span.index)];
  return {.network = label,
          .name = step.name,
          .op_class = step.op_class,
          .block = block_of(step.name),
          .arithmetic = step.arithmetic,
          .chain = step.chain,
          .weight_bytes = step.weight_bytes};
}

Part& Recorder::part_of(const TraceSpan& span, const TraceSpan& stage) {
  // Host work of one kind in two stages is two parts.
  const int32_t index = span.kind == SpanKind::host ? stage.label : span.index;
  const auto [entry, is_new] =
      parts_.try_emplace({span.kind, span.label, index}, recording_.profile.parts.size());
  if (is_new) recording_.profile.parts.push_back(new_part(span, stage));
  return recording_.profile.parts[entry->second];
}

/// What the steps of a Program cost in this run; each is one run of it, in however many bands.
void Recorder::add_run(const TraceSpan& span, const TraceSpan& stage, Iteration* iteration) {
  const auto found = programs_.find(trace_.name(span.label));
  EF_CHECK(found != programs_.end(), trace_.name(span.label) + " was not given to add_program()");
  const auto& steps = found->second.steps;
  for (size_t i = 0; i < steps.size(); ++i) {
    const TraceSpan step = {0, 0, span.label, static_cast<int32_t>(i), SpanKind::step};
    Part& part = part_of(step, stage);
    ++part.runs;
    part.cost += cost_of(steps[i]);
    if (iteration == nullptr) continue;
    iteration->cost += cost_of(steps[i]);
    iteration->arithmetic_macs[static_cast<size_t>(steps[i].arithmetic)] += steps[i].macs;
  }
}

void Recorder::add_leaf(const TraceSpan& span, const TraceSpan& stage) {
  Part& part = part_of(span, stage);
  const double ms = milliseconds(span);
  sample(part.time, requests_) += ms;
  sample(recording_.profile.parts_sum, requests_) += ms;
  if (requests_ == 0 && span.kind != SpanKind::step) ++part.runs;
}

Recording Recorder::finish() && {
  Profile& profile = recording_.profile;
  for (Part& part : profile.parts) part.time.ms.resize(requests_, 0.0);
  for (Stage& stage : profile.stages) stage.time.ms.resize(requests_, 0.0);
  for (Iteration& iteration : profile.iterations) iteration.time.ms.resize(requests_, 0.0);
  for (int32_t label = 0; static_cast<size_t>(label) < trace_.labels(); ++label) {
    recording_.timeline.labels.push_back(trace_.name(label));
  }
  for (const std::string& name : program_order_) {
    profile.memory.programs.push_back(std::move(programs_[name].memory));
  }
  return std::move(recording_);
}

}  // namespace edgefusion::profile
