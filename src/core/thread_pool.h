#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace edgefusion {

class Trace;

/// Persistent workers and a static partition: a loop is cut into one part per thread by the counts
/// alone, so a loop whose items are independent gives the same bits for any number of threads. Each
/// thread begins with its own part and then takes those whose thread has not come to them, so that
/// a CPU that is busy with other programs does not hold up the rest. One loop runs at a time; calls
/// come from one thread (the pool's user); no nesting.
class ThreadPool {
 public:
  /// threads >= 1, the calling thread included. 0 means one per CPU the process may run on.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Where the parts of loops that workers take are noted from now on, and what runs on this pool
  /// notes itself; nullptr, as at the start: nowhere. Of at least so many threads; must outlive its
  /// use.
  void set_trace(Trace* trace);
  Trace* trace() const { return trace_; }

  /// Calls body(begin, end, thread) for contiguous parts of [0, count), one part per thread, in any
  /// order and on any thread: `thread` is the number of the part. No part may wait for another.
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
  void run_part(int part) const;
  void run_traced(int part, int thread) const;
  void run_parts(int first, uint64_t generation);
  void worker_loop(int thread);

  /// The last loop in which the part was taken by a thread, and the last in which it was done.
  struct alignas(64) Part {
    std::atomic<uint64_t> taken{0};
    std::atomic<uint64_t> done{0};
  };
  struct Loop {
    Function function = nullptr;
    const void* context = nullptr;
    int64_t count = 0;
    int64_t grain = 1;
  };

  Loop loop_;
  Trace* trace_ = nullptr;               ///< written while the workers rest
  std::atomic<uint64_t> generation_{0};  ///< number of the loop
  std::vector<Part> parts_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

/// CPUs this process may run on, at least 1: its affinity mask, or less where its control group has
/// a share of the CPUs' time (a container's limit).
int available_cpus();

/// The CPUs that a control group's limit allows, rounded up; the largest int if there is none.
int cpus_of_quota(const std::filesystem::path& control_group);

}  // namespace edgefusion
