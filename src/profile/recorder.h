#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "core/result.h"
#include "core/runtime.h"
#include "core/trace.h"
#include "engine/program.h"
#include "profile/profile.h"

namespace edgefusion::profile {

/// Makes a profile of what Programs and pipeline note in the trace of a pool, request by request.
class Recorder {
 public:
  /// Spans per thread in one request; more are an error.
  static constexpr size_t kSpans = size_t{1} << 19;

  explicit Recorder(const Runtime& runtime, size_t spans = kSpans);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Remembers what the steps of a Program are; of several of one name the first.
  void add_program(const engine::Program& program);

  /// From here to the next end_request() the pool's work is traced.
  void begin_request();
  /// Adds what happened to the profile. Errors: resource_exhausted, more spans than there was room
  /// for.
  Status end_request();

  /// All requests together. Subject, machine and the measured memory are left to the caller.
  Recording finish() &&;

 private:
  using Key = std::tuple<SpanKind, int32_t, int32_t>;  // with the trace's label and index
  struct Known {
    std::vector<engine::StepInfo> steps;
    ProgramMemory memory;
  };

  void add_spans(std::vector<TraceSpan> spans);
  void add_stage(const TraceSpan& span);
  Part& part_of(const TraceSpan& span, const TraceSpan& stage);
  Part new_part(const TraceSpan& span, const TraceSpan& stage) const;
  void add_run(const TraceSpan& span, const TraceSpan& stage, Iteration* iteration);
  void add_leaf(const TraceSpan& span, const TraceSpan& stage);
  void keep_timeline();

  const Runtime& runtime_;
  Trace trace_;
  std::map<std::string, Known, std::less<>> programs_;
  std::vector<std::string> program_order_;
  std::map<Key, size_t> parts_;
  size_t requests_ = 0;
  double fastest_ms_ = 0;
  Recording recording_;
};

/// What the memory plan of a Program says.
ProgramMemory memory_of(const engine::Program& program);

/// The block of a network that a value belongs to, by its name: up to the first number, or the
/// first word: "down_blocks.1", "conv_in".
std::string block_of(const std::string& name);

}  // namespace edgefusion::profile
