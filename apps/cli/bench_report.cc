#include "cli/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace edgefusion::cli {

RunTimes summarize(std::vector<double> milliseconds) {
  std::ranges::sort(milliseconds);
  if (milliseconds.empty()) return {};
  return {.min_ms = milliseconds.front(), .median_ms = milliseconds[milliseconds.size() / 2]};
}

void print_bench_text(const BenchReport& report) {
  fmt::print("isa {}, {} threads, measured peak {:.0f} GMAC/s\n\n", report.isa, report.threads,
             report.peak_gmac_per_s);
  fmt::print("{:<14} {:>10} {:>10} {:>9} {:>9} {:>7} {:>9} {:>11} {:>8}\n", "network", "min ms",
             "median ms", "GMAC", "GMAC/s", "peak", "load ms", "weights MB", "work MB");
  for (const NetworkTimes& network : report.networks) {
    fmt::print(
        "{:<14} {:>10.1f} {:>10.1f} {:>9.2f} {:>9.1f} {:>6.1f}% {:>9.0f} {:>11.1f} {:>8.1f}\n",
        network.name, network.run.min_ms, network.run.median_ms, network.gmac,
        network.gmac / network.run.min_ms * 1e3, network.peak_share * 100, network.load_ms,
        network.weights_mb, network.work_mb);
    for (const OpTime& op : network.ops) {
      fmt::print("  {:<18} {:>4} steps {:>9.1f} ms {:>8.2f} GMAC {:>8.1f} GMAC/s\n", op.op,
                 op.steps, op.ms, op.gmac, op.gmac / op.ms * 1e3);
    }
  }
  if (report.whole.min_ms > 0) {
    fmt::print("{:<14} {:>10.1f} {:>10.1f}   ({} steps)\n", "whole", report.whole.min_ms,
               report.whole.median_ms, report.steps);
  }
  fmt::print("\npeak memory {:.0f} MB\n", report.peak_rss_mb);
}

void print_bench_json(const BenchReport& report) {
  nlohmann::json json;
  for (const NetworkTimes& network : report.networks) {
    nlohmann::json& entry = json["networks"][network.name];
    entry = {{"min_ms", network.run.min_ms},         {"median_ms", network.run.median_ms},
             {"cpu_min_ms", network.run.cpu_min_ms}, {"gmac", network.gmac},
             {"peak_share", network.peak_share},     {"load_ms", network.load_ms},
             {"weights_mb", network.weights_mb},     {"work_mb", network.work_mb}};
    for (const OpTime& op : network.ops) {
      entry["ops"].push_back(
          {{"op", op.op}, {"steps", op.steps}, {"ms", op.ms}, {"gmac", op.gmac}});
    }
  }
  json["whole"] = {{"min_ms", report.whole.min_ms}, {"median_ms", report.whole.median_ms}};
  json["load_ms"] = report.load_ms;
  json["peak_rss_mb"] = report.peak_rss_mb;
  json["peak_gmac_per_s"] = report.peak_gmac_per_s;
  json["steps"] = report.steps;
  json["isa"] = report.isa;
  json["threads"] = report.threads;
  json["batch"] = report.batch;
  fmt::print("{}\n", json.dump(1));
}

}  // namespace edgefusion::cli
