#include "core/thread_pool.h"

#include <sched.h>

#include <algorithm>

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

}  // namespace

int available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

ThreadPool::ThreadPool(int threads) {
  const int wanted = threads <= 0 ? available_cpus() : threads;
  workers_.reserve(static_cast<size_t>(wanted - 1));
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

void ThreadPool::run_part(int thread) const {
  const int64_t chunks = (loop_.count + loop_.grain - 1) / loop_.grain;
  const int64_t parts = threads();
  const int64_t begin = chunks * thread / parts * loop_.grain;
  const int64_t end = std::min(loop_.count, chunks * (thread + 1) / parts * loop_.grain);
  if (begin < end) loop_.function(loop_.context, begin, end, thread);
}

void ThreadPool::run(int64_t count, int64_t grain, Function function, const void* context) {
  if (count <= 0) return;
  if (workers_.empty() || count <= grain) {
    function(context, 0, count, 0);
    return;
  }
  loop_ = {function, context, count, grain};
  pending_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  {
    // The lock pairs with the wait in worker_loop, so that no wake-up is lost.
    const std::lock_guard lock(mutex_);
    generation_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  run_part(0);
  for (int spins = 0; pending_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < kSpins)
      pause_cpu();
    else
      std::this_thread::yield();
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
    run_part(thread);
    pending_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace edgefusion
