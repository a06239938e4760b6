#include "cli/plan_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace edgefusion::cli {
namespace {

constexpr size_t kReasonsShown = 12;

double dram_megabytes(const npu::Totals& totals) {
  return static_cast<double>(totals.dram_bytes_read + totals.dram_bytes_written) * 1e-6;
}

struct Sums {
  double before_ms = 0, ms = 0, before_mb = 0, mb = 0;
};

std::string network_lines(const npu::Device& device, const std::vector<npu::PlannedRun>& runs) {
  std::string text = fmt::format("{:<14} {:>5} {:>12} {:>10} {:>12} {:>10} {:>12}  {}\n", "network",
                                 "runs", "op by op ms", "tiled ms", "op by op MB", "DRAM MB",
                                 "on chip MB", "busiest engine");
  Sums sums;
  for (const npu::PlannedRun& run : runs) {
    const auto times = static_cast<double>(run.runs);
    const double before = device.milliseconds(run.op_by_op.totals.cycles);
    const double after = device.milliseconds(run.timeline.totals.cycles);
    const double before_mb = dram_megabytes(run.op_by_op.totals);
    const double mb = dram_megabytes(run.timeline.totals);
    const npu::EngineKind engine = run.busiest(device);
    text +=
        fmt::format("{:<14} {:>5} {:>12.3f} {:>10.3f} {:>12.2f} {:>10.2f} {:>12.2f}  {} {:.0f} %\n",
                    run.work.name, run.runs, before, after, before_mb, mb,
                    static_cast<double>(run.on_chip_peak()) * 1e-6, npu::to_string(engine),
                    100 * run.utilisation(device, engine));
    sums.before_ms += times * before;
    sums.ms += times * after;
    sums.before_mb += times * before_mb;
    sums.mb += times * mb;
  }
  return text + fmt::format("{:<14} {:>5} {:>12.3f} {:>10.3f} {:>12.2f} {:>10.2f}\n", "picture", "",
                            sums.before_ms, sums.ms, sums.before_mb, sums.mb);
}

/// Those that cost a picture most, over all networks.
std::string reason_lines(const npu::Device& device, const std::vector<npu::PlannedRun>& runs) {
  struct Line {
    double ms = 0;
    std::string text;
  };
  std::vector<Line> lines;
  for (const npu::PlannedRun& run : runs) {
    for (const npu::Reason& reason : run.reasons.all) {
      const double ms = device.milliseconds(reason.cycles) * static_cast<double>(run.runs);
      lines.push_back({ms, run.work.name + ": " + reason.text});
    }
  }
  std::ranges::stable_sort(lines, std::greater(), &Line::ms);
  std::string text;
  double rest = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i < kReasonsShown) {
      text += fmt::format("{:>10.3f} ms  {}\n", lines[i].ms, lines[i].text);
    } else {
      rest += lines[i].ms;
    }
  }
  if (lines.size() > kReasonsShown) {
    text += fmt::format("{:>10.3f} ms  {} more\n", rest, lines.size() - kReasonsShown);
  }
  return text;
}

}  // namespace

std::string plan_summary(const npu::Device& device, const ModelToPlan& model,
                         const std::vector<npu::PlannedRun>& runs) {
  return fmt::format("{} at {}x{}, {} steps, on {}, simulated\n\n", model.name, model.size.width,
                     model.size.height, model.steps, device.name) +
         network_lines(device, runs) +
         "\nwhat takes the time of a picture (engines may work side by side):\n" +
         reason_lines(device, runs);
}

}  // namespace edgefusion::cli
