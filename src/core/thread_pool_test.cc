#include "core/thread_pool.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace edgefusion {
namespace {

TEST(ThreadPool, CoversEveryItemExactlyOnceForAnyCountGrainAndThreads) {
  for (const int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    for (const int64_t count : {0, 1, 2, 3, 7, 64, 1000}) {
      for (const int64_t grain : {1, 2, 5, 64, 5000}) {
        std::vector<int> touched(static_cast<size_t>(count), 0);
        pool.parallel_for(count, grain, [&](int64_t begin, int64_t end, int thread) {
          EXPECT_LT(thread, threads);
          for (int64_t i = begin; i < end; ++i) ++touched[static_cast<size_t>(i)];
        });
        EXPECT_EQ(std::accumulate(touched.begin(), touched.end(), 0), count);
        for (const int times : touched) EXPECT_EQ(times, 1);
      }
    }
  }
}

TEST(ThreadPool, PartsBeginAtMultiplesOfTheGrain) {
  ThreadPool pool(3);
  std::vector<int> begins(3, 0);
  pool.parallel_for(100, 8, [&](int64_t begin, int64_t, int thread) {
    begins[static_cast<size_t>(thread)] = static_cast<int>(begin);
  });
  for (const int begin : begins) EXPECT_EQ(begin % 8, 0);
}

TEST(ThreadPool, RunsManyShortLoopsInARow) {
  ThreadPool pool(2);
  int64_t total = 0;
  for (int round = 0; round < 20000; ++round) {
    int64_t parts[2] = {0, 0};
    pool.parallel_for(
        2, [&](int64_t begin, int64_t end, int thread) { parts[thread] += end - begin; });
    total += parts[0] + parts[1];
  }
  EXPECT_EQ(total, 40000);
}

TEST(ThreadPool, ZeroMeansOneThreadPerCpu) { EXPECT_EQ(ThreadPool(0).threads(), available_cpus()); }

}  // namespace
}  // namespace edgefusion
