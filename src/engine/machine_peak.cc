#include "engine/machine_peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <new>

#include "core/arena.h"
#include "core/process_memory.h"
#include "kernels/peak/peak.h"
#include "kernels/peak/read_rate.h"

namespace edgefusion::engine {
namespace {

constexpr int kRuns = 10;
constexpr int64_t kRounds = 1 << 20;  // a few milliseconds

constexpr int64_t kReadBytes = int64_t{256} << 20;  // eight times a large third-level cache
constexpr int64_t kReadGrain = 64;                  // words that kernels read at once
constexpr int64_t kReadUnit = kReadGrain * 8;

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

namespace {

/// Seconds in which all threads read `words` words once, each a range of its own.
double read_once(const Runtime& runtime, kernels::ReadFunction read, const uint64_t* words,
                 int64_t count, std::atomic<uint64_t>& seen) {
  const auto start = std::chrono::steady_clock::now();
  runtime.pool->parallel_for(count, kReadGrain, [&](int64_t begin, int64_t end, int) {
    seen ^= read(words + begin, end - begin);
  });
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double measure_read_bytes_per_second(const Runtime& runtime) {
  // A machine with less than four times that to spare has caches to match.
  const int64_t most = available_bytes().value_or(kReadBytes) / 4;
  const int64_t bytes = std::min(kReadBytes, most) / kReadUnit * kReadUnit;
  if (bytes <= 0) return 0;
  try {
    const Arena block(static_cast<size_t>(bytes));
    auto* words = reinterpret_cast<uint64_t*>(block.at(0));
    const int64_t count = bytes / static_cast<int64_t>(sizeof(uint64_t));
    // Written first: pages that were only ever read are all one and the same page of zeros.
    runtime.pool->parallel_for(count, kReadGrain, [&](int64_t begin, int64_t end, int) {
      std::fill(words + begin, words + end, uint64_t{0x5555555555555555});
    });
    const kernels::ReadFunction read = kernels::select_read(runtime.isa);
    std::atomic<uint64_t> seen{0};
    double best = read_once(runtime, read, words, count, seen);
    for (int i = 1; i < kRuns; ++i) {
      best = std::min(best, read_once(runtime, read, words, count, seen));
    }
    return static_cast<double>(bytes) / best;
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

}  // namespace edgefusion::engine
