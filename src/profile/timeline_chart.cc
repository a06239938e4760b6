#include "profile/timeline_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "drawing/chart_axis.h"
#include "drawing/svg.h"
#include "profile/op_family.h"

namespace edgefusion::profile {
namespace {

constexpr double kWidth = 1180, kLeft = 70, kLane = 26, kGap = 6, kAxis = 26;

struct Window {
  int64_t begin_ns, end_ns, shift_ns;  ///< of the trace; shift: to its place without loading
};

class Chart {
 public:
  explicit Chart(const Recording& recording) : timeline_(recording.timeline) {
    for (const Part& part : recording.profile.parts) {
      if (part.op_class == "copy" || part.op_class == "host") continue;
      steps_[part.network].push_back(&part);
    }
    int64_t shown = 0;
    for (const TraceSpan& span : timeline_.threads.at(0)) {
      if (span.kind != SpanKind::stage || name(span).starts_with("load ")) continue;
      windows_.push_back({span.begin_ns, span.end_ns, shown - span.begin_ns});
      shown += span.end_ns - span.begin_ns;
    }
    total_ns_ = std::max<int64_t>(shown, 1);
  }

  std::string draw() const {
    const size_t lanes = timeline_.threads.size() + 2;
    const double height = static_cast<double>(lanes) * (kLane + kGap) + kAxis;
    std::string svg = drawing::open_svg("timeline", kWidth, height, "Timeline of one request");
    svg += outer_lane(0, SpanKind::stage, "stage") + outer_lane(1, SpanKind::run, "network");
    for (size_t thread = 0; thread < timeline_.threads.size(); ++thread) {
      svg += thread_lane(thread + 2, thread);
    }
    return svg + axis(height) + "</svg>";
  }

 private:
  const std::string& name(const TraceSpan& span) const {
    return timeline_.labels[static_cast<size_t>(span.label)];
  }

  double x_of(int64_t ns) const {
    return kLeft + (kWidth - kLeft) * static_cast<double>(ns) / static_cast<double>(total_ns_);
  }
  static double y_of(size_t lane) { return static_cast<double>(lane) * (kLane + kGap); }

  /// Begin and end of a span on the page; nothing of what loads.
  bool place(const TraceSpan& span, double& from, double& to) const {
    for (const Window& window : windows_) {
      if (span.begin_ns < window.begin_ns || span.end_ns > window.end_ns) continue;
      from = x_of(span.begin_ns + window.shift_ns);
      to = x_of(span.end_ns + window.shift_ns);
      return true;
    }
    return false;
  }

  static std::string lane_name(size_t lane, const std::string& words) {
    return drawing::svg_text(kLeft - 8, y_of(lane) + kLane / 2 + 4, "end", words);
  }

  std::string outer_lane(size_t lane, SpanKind kind, const std::string& words) const {
    std::string svg = lane_name(lane, words);
    double from = 0, to = 0;
    for (const TraceSpan& span : timeline_.threads[0]) {
      if (span.kind != kind || !place(span, from, to)) continue;
      svg += drawing::svg_rect("frame", from, y_of(lane), to - from, kLane,
                               fmt::format("{}: {:.3f} ms", name(span), span.seconds() * 1e3));
      const std::string fit = drawing::fitting(name(span), to - from - 8);
      if (!fit.empty()) {
        svg += drawing::svg_text(from + 4, y_of(lane) + kLane / 2 + 4, "start", fit, "strong");
      }
    }
    return svg;
  }

  std::string_view op_class_of(const TraceSpan& span) const {
    if (span.kind == SpanKind::copy) return "copy";
    if (span.kind == SpanKind::host) return "host";
    const auto found = steps_.find(name(span));
    if (found == steps_.end() || span.index < 0) return "copy";
    const auto index = static_cast<size_t>(span.index);
    return index < found->second.size() ? std::string_view(found->second[index]->op_class) : "copy";
  }

  std::string tip(const TraceSpan& span) const {
    const auto found = steps_.find(name(span));
    const bool is_step = span.index >= 0 && found != steps_.end() &&
                         static_cast<size_t>(span.index) < found->second.size();
    const std::string what =
        is_step ? found->second[static_cast<size_t>(span.index)]->name : name(span);
    return fmt::format("{}\n{}: {:.3f} ms", what, op_class_of(span), span.seconds() * 1e3);
  }

  /// The first thread's steps; of the others the parts of loops that they took.
  std::string thread_lane(size_t lane, size_t thread) const {
    constexpr double kThin = 0.6, kTouching = 0.25;
    std::string svg = lane_name(lane, thread == 0 ? "main" : "worker " + std::to_string(thread));
    std::string_view open;  // family of what is being drawn together
    double open_from = 0, open_to = -1;
    const auto close = [&] {
      if (open_to > open_from) {
        svg += drawing::svg_rect(std::string(open) + " thin", open_from, y_of(lane),
                                 open_to - open_from, kLane);
      }
      open_to = -1;
    };
    double from = 0, to = 0;
    for (const TraceSpan& span : timeline_.threads[thread]) {
      const bool is_shown = thread == 0
                                ? span.kind == SpanKind::step || span.kind == SpanKind::copy ||
                                      span.kind == SpanKind::host
                                : span.kind == SpanKind::part;
      if (!is_shown || !place(span, from, to)) continue;
      const std::string_view style = family_of(op_class_of(span)).style;
      if (to - from >= kThin) {
        close();
        svg += drawing::svg_rect(std::string(style), from, y_of(lane), to - from, kLane, tip(span));
        continue;
      }
      if (open_to < 0 || style != open || from > open_to + kTouching) {
        close();
        open = style;
        open_from = from;
      }
      open_to = std::max(to, open_from + 0.1);
    }
    close();
    return svg;
  }

  std::string axis(double height) const {
    constexpr int kTicks = 10;
    const double total_ms = static_cast<double>(total_ns_) / 1e6;
    std::string svg;
    for (const auto& tick : drawing::make_linear_axis(0, total_ms, 0, kTicks).ticks) {
      const double x = kLeft + (kWidth - kLeft) * tick.value / total_ms;
      if (x > kWidth - 30) continue;
      svg += drawing::svg_line("grid", x, height - kAxis, x, height - kAxis + 5) +
             drawing::svg_text(x, height - 6, "middle", tick.label);
    }
    return svg + drawing::svg_text(kWidth - 2, height - 6, "end", "ms");
  }

  const Timeline& timeline_;
  std::map<std::string, std::vector<const Part*>, std::less<>> steps_;
  std::vector<Window> windows_;
  int64_t total_ns_ = 1;
};

}  // namespace

std::string timeline_chart(const Recording& recording) {
  if (recording.timeline.threads.empty()) return "";
  return Chart(recording).draw();
}

}  // namespace edgefusion::profile
