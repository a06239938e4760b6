#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace edgefusion {

/// Persistent workers with a static partition: which items a thread gets depends only on the
/// counts, so a loop whose items are independent gives the same bits for any number of threads. One
/// loop runs at a time; calls come from one thread (the pool's user); no nesting.
class ThreadPool {
 public:
  /// threads >= 1, the calling thread included. 0 means one per CPU the process may run on.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(begin, end, thread) for contiguous parts of [0, count), one part per thread.
  /// Parts are multiples of `grain` items but for the last. body must not throw.
  template <typename Body>
  void parallel_for(int64_t count, int64_t grain, const Body& body) {
    static_assert(std::is_invocable_v<const Body&, int64_t, int64_t, int>);
    run(
        count, grain,
        [](const void* context, int64_t begin, int64_t end, int thread) {
          (*static_cast<const Body*>(context))(begin, end, thread);
        },
        &body);
  }
  template <typename Body>
  void parallel_for(int64_t count, const Body& body) {
    parallel_for(count, 1, body);
  }

 private:
  using Function = void (*)(const void* context, int64_t begin, int64_t end, int thread);

  void run(int64_t count, int64_t grain, Function function, const void* context);
  void run_part(int thread) const;
  void worker_loop(int thread);

  struct Loop {
    Function function = nullptr;
    const void* context = nullptr;
    int64_t count = 0;
    int64_t grain = 1;
  };

  Loop loop_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> pending_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

/// CPUs this process may run on (affinity mask), at least 1.
int available_cpus();

}  // namespace edgefusion
