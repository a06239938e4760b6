#include "npu/plan_charts.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "drawing/chart_axis.h"
#include "drawing/html_text.h"
#include "drawing/svg.h"

namespace edgefusion::npu {
namespace {

using drawing::fixed;

constexpr double kMega = 1e6;
constexpr double kWidth = 1180, kLeft = 70, kLane = 26, kGap = 6, kAxis = 40;
constexpr size_t kMostRectangles = 2000;

/// Commands drawn as one.
struct Block {
  double begin = 0, end = 0, busy = 0;  ///< cycles
  int first_group = 0, last_group = 0;
};

using Lane = std::vector<Block>;

/// Joins what is no further apart than `near`: commands of one group, and any that are so short
/// together that no eye could tell them apart.
Lane joined(const Lane& lane, double near) {
  Lane blocks;
  for (const Block& next : lane) {
    if (!blocks.empty()) {
      Block& last = blocks.back();
      const bool is_one_group = last.first_group == last.last_group &&
                                next.first_group == next.last_group &&
                                last.first_group == next.first_group;
      if (next.begin - last.end <= near && (is_one_group || next.end - last.begin <= near)) {
        last.end = std::max(last.end, next.end);
        last.busy += next.busy;
        last.first_group = std::min(last.first_group, next.first_group);
        last.last_group = std::max(last.last_group, next.last_group);
        continue;
      }
    }
    blocks.push_back(next);
  }
  return blocks;
}

std::vector<Lane> drawable(std::vector<Lane> lanes, double cycles) {
  for (double near = cycles / (4 * kWidth);; near *= 2) {
    size_t blocks = 0;
    for (Lane& lane : lanes) {
      lane = joined(lane, near);
      blocks += lane.size();
    }
    if (blocks <= kMostRectangles || near > cycles) return lanes;
  }
}

std::string block_title(const Device& device, const PlannedRun& run, const Block& block) {
  const std::string name = block.first_group == block.last_group
                               ? group_title(run, block.first_group)
                               : "groups " + std::to_string(block.first_group) + " to " +
                                     std::to_string(block.last_group);
  return name + "\nfrom " + fixed(device.milliseconds(block.begin), 3) + " to " +
         fixed(device.milliseconds(block.end), 3) + " ms, busy " +
         fixed(device.milliseconds(block.busy), 3) + " ms";
}

/// The end of a name, which tells more than its beginning.
std::string fitting_end(const std::string& words, double width) {
  constexpr double kLetter = 6.6;
  const auto room = static_cast<size_t>(std::max(width, 0.0) / kLetter);
  if (words.size() <= room) return words;
  if (room < 8) return "";
  size_t begin = words.size() - (room - 1);
  const auto is_inside = [](char c) {
    return c == '.' || (static_cast<unsigned char>(c) & 0xc0) == 0x80;
  };
  while (begin < words.size() && is_inside(words[begin])) ++begin;
  return "…" + words.substr(begin);
}

/// Bytes that a group's own slots take, ranges that touch as one.
std::vector<std::pair<int64_t, int64_t>> own_ranges(const PlannedRun& run, int group) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  // Slots of what stays come first.
  for (size_t i = run.plan.residences.size(); i < run.schedule.slots.size(); ++i) {
    const Slot& slot = run.schedule.slots[i];
    if (slot.first_group > group || slot.last_group < group) continue;
    ranges.emplace_back(slot.offset, slot.offset + slot.bytes);
  }
  std::ranges::sort(ranges);
  std::vector<std::pair<int64_t, int64_t>> merged;
  for (const auto& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().second) {
      merged.back().second = std::max(merged.back().second, range.second);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

double bytes_of(const Totals& totals) {
  return static_cast<double>(totals.dram_bytes_read + totals.dram_bytes_written);
}

std::string bar(const drawing::SvgPlot& plot, const char* kind, double from, double to,
                double megabytes, const std::string& tip) {
  const double top = plot.py(megabytes);
  return drawing::svg_rect(kind, plot.px(from), top, plot.px(to) - plot.px(from), plot.py(0) - top,
                           tip);
}

}  // namespace

std::string group_title(const PlannedRun& run, int group) {
  const Group& ops = run.plan.groups[static_cast<size_t>(group)];
  const std::string first = run.work.op(ops.first).name, last = run.work.op(ops.end - 1).name;
  return std::to_string(group) + ": " + (ops.end - ops.first == 1 ? first : first + " to " + last);
}

double op_by_op_bytes(const PlannedRun& run, const Group& group) {
  double bytes = 0;
  for (OpId id = group.first; id < group.end; ++id) {
    const auto index = static_cast<size_t>(id);
    if (index < run.op_by_op.groups.size()) bytes += bytes_of(run.op_by_op.groups[index]);
  }
  return bytes;
}

std::string plan_timeline_chart(const Device& device, const PlannedRun& run) {
  std::vector<Lane> lanes;
  std::vector<size_t> kinds, first_lane;
  for (size_t kind = 0; kind < kEngineKinds; ++kind) {
    first_lane.push_back(lanes.size());
    const auto units = static_cast<size_t>(unit_count(device, static_cast<EngineKind>(kind)));
    lanes.resize(lanes.size() + units);
    kinds.resize(lanes.size(), kind);
  }
  for (size_t i = 0; i < run.timeline.spans.size(); ++i) {
    const Span& span = run.timeline.spans[i];
    const int group = run.schedule.commands[i].group;
    lanes[first_lane[static_cast<size_t>(span.engine)] + static_cast<size_t>(span.unit)].push_back(
        {span.begin, span.end, span.end - span.begin, group, group});
  }
  const double cycles = std::max(run.timeline.totals.cycles, 1.0);
  lanes = drawable(std::move(lanes), cycles);
  const double height = static_cast<double>(lanes.size()) * (kLane + kGap) + kAxis;
  const double scale = (kWidth - kLeft - drawing::SvgPlot::kRight) / cycles;
  std::string svg = drawing::open_svg("lanes", kWidth, height, "When each engine works");
  for (size_t lane = 0; lane < lanes.size(); ++lane) {
    const double y = static_cast<double>(lane) * (kLane + kGap);
    std::string name(to_string(static_cast<EngineKind>(kinds[lane])));
    const size_t unit = lane - first_lane[kinds[lane]];
    if (unit_count(device, static_cast<EngineKind>(kinds[lane])) > 1) {
      name += " " + std::to_string(unit + 1);
    }
    svg += drawing::svg_text(kLeft - 8, y + kLane / 2 + 4, "end", name);
    for (const Block& block : lanes[lane]) {
      const std::string kind =
          "k" + std::to_string(kinds[lane]) + (block.first_group % 2 == 0 ? "" : " odd");
      svg += drawing::svg_rect(kind, kLeft + block.begin * scale, y,
                               std::max((block.end - block.begin) * scale, 0.1), kLane,
                               block_title(device, run, block));
    }
  }
  const double total_ms = device.milliseconds(cycles), foot = height - kAxis;
  for (const auto& tick : drawing::make_linear_axis(0, total_ms, 0, 10).ticks) {
    const double x = kLeft + tick.value / total_ms * cycles * scale;
    svg += drawing::svg_line("grid", x, foot, x, foot + 5) +
           drawing::svg_text(x, foot + 18, "middle", tick.label);
  }
  return svg + drawing::svg_text(kWidth / 2, height - 6, "middle", "ms") + "</svg>";
}

std::string memory_map_chart(const Device& device, const PlannedRun& run) {
  const auto groups = static_cast<double>(std::max<size_t>(run.plan.groups.size(), 1));
  const double megabytes = static_cast<double>(device.memory.bytes) / kMega;
  const drawing::SvgPlot plot{drawing::make_linear_axis(0, groups, 0, 12),
                              drawing::make_linear_axis(0, megabytes, 0, 6), kWidth, 360};
  std::string svg = drawing::open_svg("map", kWidth, plot.height, "What lies where on the chip") +
                    plot.axes("group", "offset, MB");
  const auto range = [&](const char* kind, double from, double to, int64_t begin, int64_t end,
                         const std::string& tip) {
    const double top = plot.py(static_cast<double>(end) / kMega);
    return drawing::svg_rect(kind, plot.px(from), top, plot.px(to) - plot.px(from),
                             plot.py(static_cast<double>(begin) / kMega) - top, tip);
  };
  for (size_t g = 0; g < run.plan.groups.size(); ++g) {
    const auto from = static_cast<double>(g);
    for (const auto& [begin, end] : own_ranges(run, static_cast<int>(g))) {
      svg += range("own", from, from + 1, begin, end,
                   group_title(run, static_cast<int>(g)) +
                       "\nits own: " + drawing::bytes_text(static_cast<double>(end - begin)));
    }
  }
  for (const Residence& stays : run.plan.residences) {
    const NpuTensor& tensor = run.work.tensor(stays.tensor);
    const double from = stays.first_group, to = stays.last_group + 1.0;
    svg += range("stays", from, to, stays.offset, stays.offset + tensor.bytes(),
                 tensor.name + "\n" + drawing::bytes_text(static_cast<double>(tensor.bytes())) +
                     ", groups " + std::to_string(stays.first_group) + " to " +
                     std::to_string(stays.last_group));
    const double middle =
        static_cast<double>(stays.offset) + static_cast<double>(tensor.bytes()) / 2;
    const double tall = plot.py(0) - plot.py(static_cast<double>(tensor.bytes()) / kMega);
    const std::string name =
        tall < 12 ? "" : fitting_end(tensor.name, plot.px(to) - plot.px(from) - 6);
    if (!name.empty()) {
      svg += drawing::svg_text(plot.px(from) + 3, plot.py(middle / kMega) + 4, "start", name, "on");
    }
  }
  return svg + "</svg>";
}

std::string traffic_chart(const PlannedRun& run) {
  double most = 0;
  for (size_t g = 0; g < run.plan.groups.size(); ++g) {
    most =
        std::max({most, bytes_of(run.timeline.groups[g]), op_by_op_bytes(run, run.plan.groups[g])});
  }
  if (!(most > 0)) return "";
  const auto groups = static_cast<double>(run.plan.groups.size());
  const drawing::SvgPlot plot{drawing::make_linear_axis(0, groups, 0, 12),
                              drawing::make_linear_axis(0, most / kMega, 0, 6), kWidth, 260};
  std::string svg =
      drawing::open_svg("traffic", kWidth, plot.height, "DRAM traffic of each group") +
      plot.axes("group", "MB read and written");
  for (size_t g = 0; g < run.plan.groups.size(); ++g) {
    const double before = op_by_op_bytes(run, run.plan.groups[g]);
    const double after = bytes_of(run.timeline.groups[g]);
    const std::string tip = group_title(run, static_cast<int>(g)) + "\nop by op " +
                            drawing::bytes_text(before) + ", plan " + drawing::bytes_text(after);
    const auto from = static_cast<double>(g);
    svg += bar(plot, "before", from + 0.05, from + 0.5, before / kMega, tip) +
           bar(plot, "after", from + 0.5, from + 0.95, after / kMega, tip);
  }
  return svg + "</svg>";
}

}  // namespace edgefusion::npu
