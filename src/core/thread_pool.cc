#include "core/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>

#include "core/result.h"
#include "core/trace.h"

namespace edgefusion {
namespace {

// About 50 us of spinning: longer than the gap between two steps of a Program, shorter than what a
// user would notice as a busy core.
constexpr int kSpins = 20000;

inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

/// Where the CPU limit of this process's control group lies (version 2 of control groups).
std::filesystem::path control_group_folder() {
  const std::filesystem::path root = "/sys/fs/cgroup";
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("0::/")) return root / line.substr(4);
  }
  return root;
}

}  // namespace

int cpus_of_quota(const std::filesystem::path& control_group) {
  std::ifstream file(control_group / "cpu.max");  // "150000 100000", or "max 100000"
  double quota = 0, period = 0;
  if (!(file >> quota >> period) || !(quota > 0) || !(period > 0)) {
    return std::numeric_limits<int>::max();
  }
  return static_cast<int>(std::clamp(std::ceil(quota / period), 1.0, 1e6));
}

int available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, std::min(CPU_COUNT(&set), cpus_of_quota(control_group_folder())));
}

ThreadPool::ThreadPool(int threads)
    : parts_(static_cast<size_t>(threads <= 0 ? available_cpus() : threads)) {
  const int wanted = static_cast<int>(parts_.size());
  workers_.reserve(parts_.size() - 1);
  for (int thread = 1; thread < wanted; ++thread) {
    workers_.emplace_back([this, thread] { worker_loop(thread); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_.store(true);
    generation_.fetch_add(1);
  }
  wake_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void ThreadPool::run_part(int part) const {
  const int64_t chunks = (loop_.count + loop_.grain - 1) / loop_.grain;
  const int64_t parts = threads();
  const int64_t begin = chunks * part / parts * loop_.grain;
  const int64_t end = std::min(loop_.count, chunks * (part + 1) / parts * loop_.grain);
  if (begin < end) loop_.function(loop_.context, begin, end, part);
}

void ThreadPool::run_traced(int part, int thread) const {
  const int64_t begin = trace_->now();
  run_part(part);
  trace_->add(thread,
              {begin, trace_->now(), trace_->loop_label(), trace_->loop_index(), SpanKind::part});
}

void ThreadPool::set_trace(Trace* trace) {
  EF_CHECK(trace == nullptr || trace->threads() >= threads(), "a trace of fewer threads");
  trace_ = trace;
}

/// All parts that no other thread has taken, one's own first. A thread that comes late to a loop
/// that is over finds its parts taken, and does not look at loop_.
void ThreadPool::run_parts(int first, uint64_t generation) {
  for (int i = 0; i < threads(); ++i) {
    const int number = (first + i) % threads();
    Part& part = parts_[static_cast<size_t>(number)];
    uint64_t before = generation - 1;
    if (!part.taken.compare_exchange_strong(before, generation, std::memory_order_acq_rel)) {
      continue;
    }
    if (trace_ == nullptr ||
        first == 0) {  // what the first thread does is noted by whoever runs it
      run_part(number);
    } else {
      run_traced(number, first);
    }
    part.done.store(generation, std::memory_order_release);
  }
}

void ThreadPool::run(int64_t count, int64_t grain, Function function, const void* context) {
  if (count <= 0) return;
  if (workers_.empty() || count <= grain) {
    function(context, 0, count, 0);
    return;
  }
  loop_ = {function, context, count, grain};
  uint64_t generation = 0;
  {
    // The lock pairs with the wait in worker_loop, so that no wake-up is lost.
    const std::lock_guard lock(mutex_);
    generation = generation_.fetch_add(1, std::memory_order_release) + 1;
  }
  wake_.notify_all();
  run_parts(0, generation);
  int spins = 0;
  for (const Part& part : parts_) {
    for (; part.done.load(std::memory_order_acquire) != generation; ++spins) {
      if (spins < kSpins)
        pause_cpu();
      else
        std::this_thread::yield();
    }
  }
}

void ThreadPool::worker_loop(int thread) {
  uint64_t seen = 0;
  while (true) {
    for (int spins = 0; spins < kSpins && generation_.load(std::memory_order_acquire) == seen;
         ++spins) {
      pause_cpu();
    }
    if (generation_.load(std::memory_order_acquire) == seen) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
    }
    seen = generation_.load(std::memory_order_acquire);
    if (stop_.load()) return;
    run_parts(thread, seen);
  }
}

}  // namespace edgefusion
