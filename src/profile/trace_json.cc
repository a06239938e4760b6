#include "profile/trace_json.h"

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace edgefusion::profile {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kProcess = 1;

/// What the spans of a Program's steps are about.
struct Program {
  std::vector<const Part*> steps;
  const ProgramMemory* memory = nullptr;
};

std::map<std::string, Program> programs_of(const Profile& profile) {
  std::map<std::string, Program> programs;
  for (const ProgramMemory& memory : profile.memory.programs) {
    programs[memory.program].memory = &memory;
  }
  for (const Part& part : profile.parts) {
    // Parts are in the order of the steps; copies and host work are none.
    if (part.op_class != "copy" && part.op_class != "host") {
      programs[part.network].steps.push_back(&part);
    }
  }
  return programs;
}

const char* category(SpanKind kind) {
  switch (kind) {
    case SpanKind::stage:
      return "stage";
    case SpanKind::iteration:
      return "denoising step";
    case SpanKind::run:
      return "network";
    case SpanKind::chain:
      return "chain";
    case SpanKind::step:
      return "step";
    case SpanKind::copy:
      return "copy";
    case SpanKind::host:
      return "host";
    case SpanKind::part:
      return "part";
  }
  return "?";
}

double microseconds(int64_t ns) { return static_cast<double>(ns) / 1e3; }

class Events {
 public:
  explicit Events(const Recording& recording)
      : timeline_(recording.timeline), programs_(programs_of(recording.profile)) {}

  Json run() && {
    name("process_name", 0, "edgefusion");
    for (size_t thread = 0; thread < timeline_.threads.size(); ++thread) {
      name("thread_name", thread, thread == 0 ? "main" : "worker " + std::to_string(thread));
      events_.push_back({{"ph", "M"},
                         {"name", "thread_sort_index"},
                         {"pid", kProcess},
                         {"tid", thread + 1},
                         {"args", {{"sort_index", thread}}}});
    }
    for (size_t thread = 0; thread < timeline_.threads.size(); ++thread) {
      for (const TraceSpan& span : timeline_.threads[thread]) add(span, thread);
    }
    return std::move(events_);
  }

 private:
  void name(const char* what, size_t thread, const std::string& text) {
    events_.push_back({{"ph", "M"},
                       {"name", what},
                       {"pid", kProcess},
                       {"tid", thread + 1},
                       {"args", {{"name", text}}}});
  }

  const Part* step_of(const TraceSpan& span) const {
    const auto found = programs_.find(label(span));
    if (found == programs_.end() || span.index < 0) return nullptr;
    const auto index = static_cast<size_t>(span.index);
    return index < found->second.steps.size() ? found->second.steps[index] : nullptr;
  }

  const std::string& label(const TraceSpan& span) const {
    return timeline_.labels[static_cast<size_t>(span.label)];
  }

  void add(const TraceSpan& span, size_t thread) {
    const Part* step = step_of(span);
    Json event = {{"ph", "X"},
                  {"name", title(span, step)},
                  {"cat", category(span.kind)},
                  {"pid", kProcess},
                  {"tid", thread + 1},
                  {"ts", microseconds(span.begin_ns)},
                  {"dur", microseconds(span.end_ns - span.begin_ns)}};
    if (span.kind == SpanKind::step && step != nullptr) {
      const int runs = std::max(step->runs, 1);
      event["args"] = {{"op", step->op_class},
                       {"block", step->block},
                       {"macs", step->cost.macs / runs},
                       {"read_bytes", step->cost.read_bytes / runs},
                       {"written_bytes", step->cost.written_bytes / runs}};
      count_memory(span);
    }
    events_.push_back(std::move(event));
    if (span.kind == SpanKind::run) counter(span.end_ns, 0);
  }

  std::string title(const TraceSpan& span, const Part* step) const {
    if (span.kind == SpanKind::copy) return label(span) + " copy";
    if (span.kind == SpanKind::chain) return "bands";
    return step == nullptr ? label(span) : step->name;
  }

  void count_memory(const TraceSpan& span) {
    const ProgramMemory* memory = programs_.at(label(span)).memory;
    const auto index = static_cast<size_t>(span.index);
    if (memory != nullptr && index < memory->live_bytes.size()) {
      counter(span.begin_ns, memory->live_bytes[index]);
    }
  }

  void counter(int64_t at_ns, int64_t bytes) {
    events_.push_back({{"ph", "C"},
                       {"name", "arena bytes alive"},
                       {"pid", kProcess},
                       {"ts", microseconds(at_ns)},
                       {"args", {{"bytes", bytes}}}});
  }

  const Timeline& timeline_;
  std::map<std::string, Program> programs_;
  Json events_ = Json::array();
};

}  // namespace

std::string trace_json(const Recording& recording) {
  const Subject& subject = recording.profile.subject;
  Json json = {{"displayTimeUnit", "ms"}};
  json["otherData"] = {{"model", subject.model},
                       {"width", subject.width},
                       {"height", subject.height},
                       {"precision", subject.precision}};
  json["traceEvents"] = Events(recording).run();
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace edgefusion::profile
