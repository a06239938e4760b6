#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace edgefusion::cli {

/// Times of repeated runs of one thing, in milliseconds.
struct RunTimes {
  double min_ms = 0, median_ms = 0;
  double cpu_min_ms = 0;  ///< CPU time of all threads: waiting for a busy machine does not count
};
RunTimes summarize(std::vector<double> milliseconds);

/// Time of all steps of one kind of op within a network.
struct OpTime {
  std::string op;
  int steps = 0;
  double ms = 0;
  double gmac = 0;
};

struct NetworkTimes {
  std::string name;  ///< "unet"
  RunTimes run;
  double gmac = 0;
  double peak_share = 0;  ///< of the machine's measured peak, at the minimum time
  double load_ms = 0;
  double weights_mb = 0;    ///< packed
  double work_mb = 0;       ///< beyond weights: activations and work space of all threads
  std::vector<OpTime> ops;  ///< slowest first; empty unless asked for
};

struct BenchReport {
  std::vector<NetworkTimes> networks;
  RunTimes whole;  ///< text encoder + steps x U-Net + decoder
  double load_ms = 0;
  double peak_rss_mb = 0;
  double peak_gmac_per_s = 0;
  int steps = 0, threads = 0, batch = 1;
  std::string isa;
};

void print_bench_text(const BenchReport& report);
void print_bench_json(const BenchReport& report);

}  // namespace edgefusion::cli
