#include "npu/timeline_trace.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace edgefusion::npu {
namespace {

using Event = nlohmann::ordered_json;

std::string_view to_string(Action action) {
  constexpr std::array<std::string_view, 4> kNames = {"load", "store", "compute", "host"};
  return kNames[static_cast<size_t>(action)];
}

std::string_view to_string(Part part) {
  constexpr std::array<std::string_view, 5> kNames = {"all", "first", "more", "rescale", "finish"};
  return kNames[static_cast<size_t>(part)];
}

/// Tracks: those of engines kind after kind, then that of groups.
class TraceWriter {
 public:
  TraceWriter(const Device& device, const Work& work) : device_(device), work_(work) {
    const std::array<int, kEngineKinds> units = {device.tensor.count, device.vector.count,
                                                 device.dma.channels, 1};
    meta("process_name", 0, {{"name", device.name + ": " + work.name}});
    for (size_t kind = 0; kind < kEngineKinds; ++kind) {
      first_track_[kind] = tracks_ + 1;
      for (int unit = 0; unit < units[kind]; ++unit) {
        std::string name(npu::to_string(static_cast<EngineKind>(kind)));
        if (units[kind] > 1) name += " " + std::to_string(unit + 1);
        add_track(name);
      }
    }
  }

  void add_command(const Command& command, const Span& span) {
    const Access* moved = command.action == Action::load    ? &command.writes.front()
                          : command.action == Action::store ? &command.reads.front()
                                                            : nullptr;
    const std::string& thing =
        moved != nullptr ? work_.tensor(moved->tensor).name : work_.op(command.op).name;
    Event args = {{"group", command.group}, {"part", command.out.to_string()}};
    if (moved != nullptr) args["bytes"] = work_.tensor(moved->tensor).bytes(moved->box);
    if (command.part != Part::all) args["sums"] = to_string(command.part);
    if (span.waited > 0) args["waited_us"] = microseconds(span.waited);
    append(
        {{"name", moved != nullptr ? std::string(to_string(command.action)) + " " + thing : thing},
         {"cat", to_string(command.action)},
         {"ph", "X"},
         {"pid", 1},
         {"tid", first_track_[static_cast<size_t>(span.engine)] + span.unit},
         {"ts", microseconds(span.begin)},
         {"dur", microseconds(span.end - span.begin)},
         {"args", std::move(args)}});
  }

  void begin_groups() { add_track("groups"); }

  void add_group(int group, const std::string& name, double begin, double end) {
    const auto event = [&](const char* phase, double at) {
      append({{"name", name},
              {"cat", "group"},
              {"ph", phase},
              {"id", group},
              {"pid", 1},
              {"tid", tracks_},
              {"ts", microseconds(at)}});
    };
    event("b", begin);
    event("e", end);
  }

  std::string finish() && {
    text_ += "\n],\"displayTimeUnit\":\"ms\"}\n";
    return std::move(text_);
  }

 private:
  double microseconds(double cycles) const { return device_.milliseconds(cycles) * 1e3; }

  void add_track(const std::string& name) {
    ++tracks_;
    meta("thread_name", tracks_, {{"name", name}});
    meta("thread_sort_index", tracks_, {{"sort_index", tracks_}});
  }

  void meta(const char* what, int track, Event args) {
    append({{"name", what}, {"ph", "M"}, {"pid", 1}, {"tid", track}, {"args", std::move(args)}});
  }

  void append(const Event& event) {
    text_ += text_.empty() ? "{\"traceEvents\":[\n" : ",\n";
    // A name that is no UTF-8 must not stop the rest.
    text_ += event.dump(-1, ' ', false, Event::error_handler_t::replace);
  }

  const Device& device_;
  const Work& work_;
  std::array<int, kEngineKinds> first_track_{};
  int tracks_ = 0;
  std::string text_;
};

struct GroupSpan {
  double begin = 0, end = 0;
  OpId first_op = -1, last_op = -1;
};

std::string group_name(const Work& work, int group, const GroupSpan& span) {
  std::string name = "group " + std::to_string(group);
  if (span.first_op < 0) return name;
  name += ": " + work.op(span.first_op).name;
  return span.first_op == span.last_op ? name : name + " to " + work.op(span.last_op).name;
}

}  // namespace

std::string to_trace_json(const Device& device, const Work& work, const Schedule& schedule,
                          const Timeline& timeline) {
  TraceWriter writer(device, work);
  std::map<int, GroupSpan> groups;
  for (size_t i = 0; i < timeline.spans.size(); ++i) {
    const Command& command = schedule.commands[i];
    const Span& span = timeline.spans[i];
    writer.add_command(command, span);
    GroupSpan& group =
        groups.try_emplace(command.group, GroupSpan{.begin = span.begin}).first->second;
    group.begin = std::min(group.begin, span.begin);
    group.end = std::max(group.end, span.end);
    if (command.op < 0) continue;
    group.first_op = group.first_op < 0 ? command.op : std::min(group.first_op, command.op);
    group.last_op = std::max(group.last_op, command.op);
  }
  writer.begin_groups();
  for (const auto& [group, span] : groups) {
    writer.add_group(group, group_name(work, group, span), span.begin, span.end);
  }
  return std::move(writer).finish();
}

}  // namespace edgefusion::npu
