#include "profile/profile_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "drawing/html_text.h"
#include "drawing/report_style.h"
#include "profile/memory_chart.h"
#include "profile/op_family.h"
#include "profile/profile_style.h"
#include "profile/rollup.h"
#include "profile/roofline_chart.h"
#include "profile/timeline_chart.h"
#include "profile/treemap_chart.h"

namespace edgefusion::profile {
namespace {

using drawing::bytes_text;
using drawing::element;
using drawing::escaped;
using drawing::fixed;

constexpr double kGiga = 1e9;

std::string tile(const std::string& value, const std::string& name) {
  return "<div>" + element("b", value) + element("span", name) + "</div>\n";
}

std::string totals(const Profile& profile) {
  const Machine& machine = profile.machine;
  const double parts = 100 * profile.parts_sum.median() / std::max(profile.whole.median(), 1e-9);
  return "<div class=\"row tiles\">\n" +
         tile(fixed(profile.whole.median(), 2) + " ms",
              "whole, without loading; fastest " + fixed(profile.whole.min(), 2) + ", noise " +
                  fixed(profile.whole.noise(), 2)) +
         tile(fixed(parts, 1) + " %", "of it in the parts below") +
         tile(bytes_text(static_cast<double>(profile.memory.measured_peak_bytes)),
              "at most, forecast " +
                  bytes_text(static_cast<double>(profile.memory.forecast_peak_bytes))) +
         tile(fmt::format("{:.0f} / {:.0f} / {:.0f}", machine.f32_macs_per_s / kGiga,
                          machine.bf16_macs_per_s / kGiga, machine.int8_macs_per_s / kGiga),
              "GMAC/s in f32, bf16, int8, measured just before") +
         tile(fixed(machine.read_bytes_per_s / kGiga, 1) + " GB/s", "read from memory, likewise") +
         "</div>\n";
}

std::string legend() {
  std::string html = "<div class=\"legend\">";
  for (const OpFamily& family : kOpFamilies) {
    html += "<span><i class=\"" + std::string(family.style) + "\"></i>" +
            escaped(std::string(family.name)) + "</span>";
  }
  return html + "</div>\n";
}

std::string chart(const std::string& title, const std::string& words, const std::string& svg) {
  if (svg.empty()) return "";
  return element("h2", title) + "\n" + element("p", words, "soft") + "\n<figure>" + svg +
         "</figure>\n";
}

/// A number with what it is sorted by.
std::string cell(double value, int digits, const char* unit = "") {
  return fmt::format("<td data-v=\"{:.9g}\">{}{}</td>", value, fixed(value, digits), unit);
}

std::string row_cells(const Row& row, const Profile& profile) {
  const double share = row.time.median() / std::max(profile.whole.median(), 1e-9);
  return cell(row.time.min(), 3) + cell(row.time.median(), 3) + cell(100 * share, 1) +
         cell(static_cast<double>(row.cost.macs) / kGiga, 3) +
         cell(static_cast<double>(row.cost.read_bytes) / 1e6, 2) +
         cell(static_cast<double>(row.cost.written_bytes) / 1e6, 2) +
         cell(100 * peak_share(row), 0) + cell(100 * bandwidth_share(row, profile.machine), 0) +
         cell(row.cost.intensity(), 1);
}

constexpr std::string_view kNumberHeads =
    "<th>min ms</th><th>median ms</th><th>share, %</th><th>GMAC</th><th>MB read</th>"
    "<th>MB written</th><th>of peak, %</th><th>of bandwidth, %</th><th>MAC/byte</th>"
    "</tr></thead><tbody>\n";

std::string open_table(std::span<const char* const> words) {
  std::string html = "<div class=\"wide\"><table class=\"sortable\"><thead><tr>";
  for (const char* name : words) html += element("th", name, "text");
  return html + std::string(kNumberHeads);
}

/// Columns of names are those that rows have.
std::string sums(const std::string& title, std::span<const Row> rows, const Profile& profile) {
  if (rows.empty()) return "";
  const bool networks = !rows[0].network.empty(), names = !rows[0].name.empty();
  std::vector<const char*> words;
  if (networks) words.push_back("network");
  if (names) words.push_back("name");
  std::string html = element("h3", title) + "\n" + open_table(words);
  for (const Row& row : rows) {
    html += "<tr>" + (networks ? element("td", row.network, "text") : "") +
            (names ? element("td", row.name, "text") : "") + row_cells(row, profile) + "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string steps(const Profile& profile) {
  std::vector<const Part*> parts;
  for (const Part& part : profile.parts) parts.push_back(&part);
  std::ranges::stable_sort(parts, std::greater(),
                           [](const Part* part) { return part->time.median(); });
  constexpr const char* kWords[] = {"network", "step", "op", "arithmetic", "bands"};
  std::string html = element("h2", "Steps") + "\n" + open_table(kWords);
  for (const Part* part : parts) {
    html +=
        "<tr>" + element("td", part->network, "text") + element("td", part->name, "text") +
        element("td", part->op_class, "text") +
        element("td", part->cost.macs > 0 ? engine::to_string(part->arithmetic) : "", "text") +
        element("td", part->chain >= 0 ? "chain " + std::to_string(part->chain + 1) : "", "text") +
        row_cells(row_of(*part, profile.machine), profile) + "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string memory(const Memory& memory) {
  std::string html =
      chart("Memory",
            "What is alive in the arena at each step of each network; only one network is in "
            "memory at a time. Dashed: what its plan takes. Points: where most is alive (rest on "
            "one to see what).",
            memory_chart(memory));
  html +=
      "<div class=\"wide\"><table><thead><tr><th class=\"text\">network</th><th>weights</th>"
      "<th>arena</th><th>scratch</th><th class=\"text\">most is alive at</th>"
      "<th class=\"text\">the largest then</th></tr></thead><tbody>\n";
  for (const ProgramMemory& program : memory.programs) {
    const auto bytes = [](int64_t count) { return bytes_text(static_cast<double>(count)); };
    std::string alive;
    for (size_t i = 0; i < std::min<size_t>(program.alive.size(), 4); ++i) {
      alive += (i == 0 ? "" : ", ") + program.alive[i].name + " " + bytes(program.alive[i].bytes);
    }
    html += "<tr>" + element("td", program.program, "text") +
            element("td", bytes(program.weight_bytes)) + element("td", bytes(program.arena_bytes)) +
            element("td", bytes(program.scratch_bytes)) + element("td", program.peak_name, "text") +
            element("td", alive, "text long") + "</tr>\n";
  }
  html += "</tbody></table></div>\n" + element("h3", "Of the process, as the system counts it") +
          "\n<div class=\"wide\"><table><tbody>\n";
  for (const ResidentBytes& moment : memory.resident) {
    html += "<tr>" + element("td", moment.when, "text") +
            element("td", bytes_text(static_cast<double>(moment.bytes))) + "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string change_rows(std::span<const Change> changes, bool all) {
  std::string html;
  for (const Change& change : changes) {
    if (!all && (change.verdict == Verdict::same || change.verdict == Verdict::unknown)) continue;
    html += std::string("<tr") + (change.verdict == Verdict::slower ? " class=\"slower\">" : ">") +
            element("td", change.kind, "text") + element("td", change.name, "text") +
            cell(change.old_ms, 3) + cell(change.new_ms, 3) +
            cell(change.new_ms - change.old_ms, 3) + cell(change.noise_ms, 3) +
            element("td", to_string(change.verdict), "text") + "</tr>\n";
  }
  return html;
}

std::string comparison_html(const Comparison& comparison) {
  std::string html = element("h2", "Compared") + "\n";
  for (const std::string& line : comparison.circumstances) html += element("p", line, "soft");
  html +=
      "<div class=\"wide\"><table class=\"sortable\"><thead><tr><th class=\"text\">kind</th>"
      "<th class=\"text\">name</th><th>old ms</th><th>new ms</th><th>difference</th>"
      "<th>noise</th><th class=\"text\"></th></tr></thead><tbody>\n";
  html += change_rows({&comparison.whole, 1}, true) + change_rows(comparison.stages, true) +
          change_rows(comparison.classes, true) + change_rows(comparison.parts, false);
  return html + "</tbody></table></div>\n";
}

std::string subtitle(const Profile& profile) {
  const Subject& subject = profile.subject;
  return fmt::format("{}x{}, {} steps, {}, {}; {} threads, {}; {} requests", subject.width,
                     subject.height, subject.steps, subject.precision, subject.scheduler,
                     profile.machine.threads, profile.machine.isa, profile.whole.ms.size());
}

}  // namespace

std::string profile_html(const Recording& recording, const Comparison* comparison) {
  const Profile& profile = recording.profile;
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  html += element("title", profile.subject.model + ": profile") + "\n<style>" +
          std::string(drawing::kPageStyle) + std::string(kProfileStyle) +
          "</style>\n</head>\n<body>\n" + element("h1", profile.subject.model) + "\n" +
          element("p", subtitle(profile), "soft") + "\n" + totals(profile) + legend();
  if (comparison != nullptr) html += comparison_html(*comparison);
  html += chart("Where the time goes",
                "Networks, their blocks, and the steps of these; areas are median times.",
                treemap_chart(profile));
  html += chart("One request",
                "The fastest one, without loading: steps of the first thread, and the parts of "
                "loops that the others took.",
                timeline_chart(recording));
  html += chart("Roofline",
                "Each step that multiplies; areas are times. Weights and values count as they are "
                "stored, each once: what comes from a cache can lie above the dashed line, and "
                "3x3 convolutions by Winograd, which multiply less than they count, above the "
                "peak.",
                roofline_chart(profile));
  html += element("h2", "Sums") + "\n" + sums("Networks", by_network(profile), profile) +
          sums("Denoising steps", by_iteration(profile), profile) +
          sums("Ops", by_class(profile), profile) + sums("Blocks", by_block(profile), profile);
  html += memory(profile.memory) + steps(profile);
  return html + "<script>" + std::string(drawing::kSortScript) + "</script>\n</body>\n</html>\n";
}

}  // namespace edgefusion::profile
