#include "engine/machine_peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "kernels/peak/peak.h"

namespace edgefusion::engine {
namespace {

constexpr int kRuns = 10;
constexpr int64_t kRounds = 1 << 20;  // a few milliseconds

DType factors_of(Precision precision) {
  switch (precision) {
    case Precision::bf16:
      return DType::bf16;
    case Precision::int8:
      return DType::u8;
    default:
      return DType::f32;
  }
}

}  // namespace

double measure_peak_macs_per_second(const Runtime& runtime, Precision precision) {
  const kernels::PeakRow& row = kernels::select_peak(runtime.isa, factors_of(precision));
  double best = 0;
  for (int i = 0; i < kRuns; ++i) {
    std::atomic<int64_t> macs{0};
    const auto start = std::chrono::steady_clock::now();
    runtime.pool->parallel_for(runtime.pool->threads(), [&](int64_t begin, int64_t end, int) {
      for (int64_t part = begin; part < end; ++part) macs += row.run(kRounds);
    });
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(macs) / elapsed.count());
  }
  return best;
}

}  // namespace edgefusion::engine
