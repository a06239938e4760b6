#include "npu/plan_report_html.h"

#include <fmt/format.h>

#include <algorithm>

#include "drawing/html_text.h"
#include "drawing/report_style.h"
#include "npu/group_shape.h"
#include "npu/plan_charts.h"
#include "npu/plan_report_style.h"

namespace edgefusion::npu {
namespace {

using drawing::bytes_text;
using drawing::element;
using drawing::fixed;

constexpr double kMega = 1e6;
constexpr size_t kReasonsShown = 60;

std::string cell(double value, int digits) {
  return fmt::format("<td data-v=\"{:.9g}\">{}</td>", value, fixed(value, digits));
}

double dram_megabytes(const Totals& totals) {
  return static_cast<double>(totals.dram_bytes_read + totals.dram_bytes_written) / kMega;
}

/// A table with the heads of columns of words, then those of numbers.
std::string open_table(std::initializer_list<const char*> words,
                       std::initializer_list<const char*> numbers) {
  std::string html = "<div class=\"wide tall\"><table class=\"sortable\"><thead><tr>";
  for (const char* head : words) html += element("th", head, "text");
  for (const char* head : numbers) html += element("th", head);
  return html + "</tr></thead><tbody>\n";
}
constexpr const char* kCloseTable = "</tbody></table></div>\n";

std::string utilisation_cell(const Device& device, const PlannedRun& run, EngineKind kind) {
  const double percent = 100 * run.utilisation(device, kind);
  return fmt::format(
      "<td data-v=\"{:.4f}\"><span class=\"bar\"><i class=\"k{}\" style=\"width:{}%\"></i></span>"
      "{} %</td>",
      percent, static_cast<int>(kind), fixed(std::clamp(percent, 0.0, 100.0), 1),
      fixed(percent, 0));
}

std::string networks_table(const Device& device, const std::vector<PlannedRun>& runs) {
  std::string html =
      open_table({"network"}, {"runs", "op by op, ms", "plan, ms", "DRAM before, MB", "DRAM, MB",
                               "on chip, MB", "tensor", "vector", "dma", "host"});
  for (const PlannedRun& run : runs) {
    html += "<tr>" + element("td", run.work.name, "text") + cell(static_cast<double>(run.runs), 0) +
            cell(device.milliseconds(run.op_by_op.totals.cycles), 3) +
            cell(device.milliseconds(run.timeline.totals.cycles), 3) +
            cell(dram_megabytes(run.op_by_op.totals), 2) +
            cell(dram_megabytes(run.timeline.totals), 2) +
            cell(static_cast<double>(run.on_chip_peak()) / kMega, 2);
    for (size_t kind = 0; kind < kEngineKinds; ++kind) {
      html += utilisation_cell(device, run, static_cast<EngineKind>(kind));
    }
    html += "</tr>\n";
  }
  return html + kCloseTable;
}

std::string chart(const char* title, const char* words, const std::string& svg) {
  if (svg.empty()) return "";
  return element("h3", title) + element("p", words, "soft") + "<figure>" + svg + "</figure>\n";
}

std::string tile_text(const Tiling& tiling, const NpuTensor& result) {
  const auto at_most = [&](int64_t tile, Axis axis) {
    return std::min(tile, result.extent[static_cast<size_t>(axis)]);
  };
  return fmt::format("{}x{}x{}", at_most(tiling.items, kBatch), at_most(tiling.lines, kLines),
                     at_most(tiling.columns, kColumns));
}

std::string parts_text(const Tiling& tiling) {
  std::string text =
      tiling.part_bytes > 0 ? bytes_text(static_cast<double>(tiling.part_bytes)) : "whole";
  if (tiling.heads > 1) text += fmt::format(", {} heads", tiling.heads);
  if (tiling.key_block > 0) {
    text += fmt::format(", {} keys{}", tiling.key_block, tiling.online ? " online" : "");
  }
  if (!tiling.held.empty()) text += fmt::format(", {} held", tiling.held.size());
  return text;
}

std::string groups_table(const Device& device, const PlannedRun& run) {
  std::string html = open_table({"group", "tile", "parts"},
                                {"ops", "ms", "read, MB", "written, MB", "op by op, MB"});
  for (size_t g = 0; g < run.plan.groups.size(); ++g) {
    const Group& group = run.plan.groups[g];
    const Totals& totals = run.timeline.groups[g];
    // Tiles are of the last result that has places, which sums of a norm have not.
    const auto shape = group_shape(run.work, group.first, group.end);
    const NpuTensor& result =
        run.work.tensor(shape ? shape->anchor : run.work.op(group.end - 1).output);
    html += "<tr>" + element("td", group_title(run, static_cast<int>(g)), "text name") +
            element("td", tile_text(group.tiling, result), "text") +
            element("td", parts_text(group.tiling), "text") +
            cell(static_cast<double>(group.end - group.first), 0) +
            cell(device.milliseconds(totals.cycles), 4) +
            cell(static_cast<double>(totals.dram_bytes_read) / kMega, 3) +
            cell(static_cast<double>(totals.dram_bytes_written) / kMega, 3) +
            cell(op_by_op_bytes(run, group) / kMega, 3) + "</tr>\n";
  }
  return html + kCloseTable;
}

std::string residences_table(const PlannedRun& run) {
  if (run.plan.residences.empty()) return "";
  std::string html = element("h3", "What stays on the chip") +
                     open_table({"tensor"}, {"MB", "offset, MB", "from group", "to group"});
  for (const Residence& stays : run.plan.residences) {
    const NpuTensor& tensor = run.work.tensor(stays.tensor);
    html += "<tr>" + element("td", tensor.name, "text name") +
            cell(static_cast<double>(tensor.bytes()) / kMega, 3) +
            cell(static_cast<double>(stays.offset) / kMega, 3) + cell(stays.first_group, 0) +
            cell(stays.last_group, 0) + "</tr>\n";
  }
  return html + kCloseTable;
}

std::string reasons_table(const Device& device, const PlannedRun& run) {
  std::string html = element("h3", "Why it takes its time") +
                     element("p",
                             "Times in which an engine is busy with it or stands still; engines "
                             "work side by side, so the network gains less without it.",
                             "soft") +
                     open_table({"kind", "reason"}, {"ms", "MB"});
  for (const PlannedReason& reason : top_reasons(run.reasons, kReasonsShown)) {
    html += "<tr>" + element("td", reason.kind, "text") + element("td", reason.text, "text name") +
            cell(device.milliseconds(reason.cycles), 4) +
            cell(static_cast<double>(reason.bytes) / kMega, 3) + "</tr>\n";
  }
  return html + kCloseTable;
}

std::string network(const Device& device, const PlannedRun& run, bool is_open) {
  const std::string time = fixed(device.milliseconds(run.timeline.totals.cycles), 3) + " ms";
  return std::string(is_open ? "<details open>" : "<details>") +
         element("summary", run.work.name + ", " + time) + "\n" +
         chart("Engines", "Darker and lighter: one group and the next. Rest on one for its name.",
               plan_timeline_chart(device, run)) +
         chart("On the chip",
               "Blue: results that stay from group to group. Grey: what a group uses alone.",
               memory_map_chart(device, run)) +
         chart("DRAM traffic", "Grey: the same ops one by one. Green: the plan.",
               traffic_chart(run)) +
         element("h3", "Groups") + groups_table(device, run) + residences_table(run) +
         reasons_table(device, run) + "</details>\n";
}

}  // namespace

std::string plan_report_html(const Device& device, const PlanReportTitle& title,
                             const std::vector<PlannedRun>& runs) {
  const auto picture_ms = [&](const PlannedRun& run) {
    return device.milliseconds(run.timeline.totals.cycles) * static_cast<double>(run.runs);
  };
  const auto longest = std::ranges::max_element(runs, {}, picture_ms);
  double total = 0;
  for (const PlannedRun& run : runs) total += picture_ms(run);
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" +
      element("title", title.model + " on " + device.name) + "\n<style>" +
      std::string(drawing::kPageStyle) + std::string(kPlanStyle) + "</style>\n</head>\n<body>\n" +
      element("h1", title.model + " on " + device.name) + "\n" +
      element("p",
              fmt::format("{}x{}, {} steps: {} ms a picture on this NPU, simulated", title.width,
                          title.height, title.steps, fixed(total, 3)),
              "soft") +
      "\n" + networks_table(device, runs);
  for (auto run = runs.begin(); run != runs.end(); ++run) {
    html += network(device, *run, run == longest);
  }
  return html + "<script>" + std::string(drawing::kSortScript) + "</script>\n</body>\n</html>\n";
}

}  // namespace edgefusion::npu
