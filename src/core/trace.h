#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace edgefusion {

/// What a span of a trace was spent on; each lies within one of those before it.
enum class SpanKind : uint8_t {
  stage,      ///< of a request; label: its name
  iteration,  ///< one denoising step
  run,        ///< of a Program; label: its name, as for all that follow
  chain,      ///< several steps in turn; index: the first of them
  step,       ///< index: that of the step within its Program
  copy,       ///< of values into and out of a Program, or within it
  host,       ///< work outside of Programs; label: what it is
  part,       ///< one thread's share of a loop, within whatever was begun last
};

/// Without initial values, so that room for many touches no memory.
struct TraceSpan {
  int64_t begin_ns, end_ns;  ///< since the trace was made
  int32_t label;             ///< Trace::label()
  int32_t index;             ///< -1: none
  SpanKind kind;

  double seconds() const { return static_cast<double>(end_ns - begin_ns) * 1e-9; }
};

/// When each thread did what. Room for the spans is made ahead; adding one takes two looks at a
/// clock and a store. Whoever might be traced has a pointer to a Trace that is null if nobody wants
/// to know. All but add() is for the one thread that gives work to the others, while they rest.
class Trace {
 public:
  /// Pages of the room are touched as it fills. Throws std::bad_alloc.
  Trace(int threads, size_t spans_per_thread);

  int64_t now() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start_).count();
  }
  /// The number of a name; the same name has the same number.
  int32_t label(std::string_view name);
  size_t labels() const { return names_.size(); }
  const std::string& name(int32_t label) const { return names_[static_cast<size_t>(label)]; }

  /// What the loops that follow are for.
  void begin_loops(int32_t label, int32_t index) {
    loop_label_ = label;
    loop_index_ = index;
  }
  int32_t loop_label() const { return loop_label_; }
  int32_t loop_index() const { return loop_index_; }

  /// By that thread alone. A span without room is counted and lost.
  void add(int thread, const TraceSpan& span) noexcept {
    Track& track = tracks_[static_cast<size_t>(thread)];
    if (track.count == room_) {
      ++track.lost;
    } else {
      track.spans[track.count++] = span;
    }
  }

  int threads() const { return static_cast<int>(tracks_.size()); }
  /// In the order in which they ended.
  std::span<const TraceSpan> spans(int thread) const;
  /// Spans of all threads that had no room.
  size_t lost() const;
  /// Forgets spans and keeps labels.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  struct alignas(64) Track {
    std::unique_ptr<TraceSpan[]> spans;
    size_t count = 0, lost = 0;
  };

  Clock::time_point start_ = Clock::now();
  size_t room_;
  std::vector<Track> tracks_;
  std::vector<std::string> names_;
  int32_t loop_label_ = 0, loop_index_ = -1;
};

/// A span of the first thread that lasts as long as this; nothing without a trace.
class TraceScope {
 public:
  TraceScope(Trace* trace, SpanKind kind, int32_t label, int32_t index = -1) : trace_(trace) {
    if (trace_ != nullptr) begin(kind, label, index);
  }
  TraceScope(Trace* trace, SpanKind kind, std::string_view name) : trace_(trace) {
    if (trace_ != nullptr) begin(kind, trace_->label(name), -1);
  }
  ~TraceScope() {
    if (trace_ != nullptr) end();
  }
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  void begin(SpanKind kind, int32_t label, int32_t index) {
    trace_->begin_loops(label, index);
    span_ = {trace_->now(), 0, label, index, kind};
  }
  void end() {
    span_.end_ns = trace_->now();
    trace_->add(0, span_);
  }

  Trace* trace_;
  TraceSpan span_;
};

}  // namespace edgefusion
