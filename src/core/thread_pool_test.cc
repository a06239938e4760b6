#include "core/thread_pool.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
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

TEST(ThreadPool, MoreThreadsThanCpusRunEveryPartOnce) {
  ThreadPool pool(available_cpus() + 6);
  const auto threads = static_cast<size_t>(pool.threads());
  for (int round = 0; round < 3000; ++round) {
    std::vector<int> runs(threads, 0);
    pool.parallel_for(pool.threads(), [&](int64_t begin, int64_t end, int thread) {
      EXPECT_EQ(end, begin + 1);
      EXPECT_EQ(begin, thread);
      ++runs[static_cast<size_t>(thread)];
    });
    for (const int times : runs) ASSERT_EQ(times, 1);
  }
}

TEST(ThreadPool, AControlGroupsLimitIsRoundedUp) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "thread_pool_test_group";
  std::filesystem::create_directories(folder);
  const auto cpus = [&](const char* limit) {
    std::ofstream(folder / "cpu.max") << limit;
    return cpus_of_quota(folder);
  };
  EXPECT_EQ(cpus("150000 100000\n"), 2);
  EXPECT_EQ(cpus("20000 100000\n"), 1);
  EXPECT_EQ(cpus("max 100000\n"), std::numeric_limits<int>::max());
  EXPECT_EQ(cpus("-5 0\n"), std::numeric_limits<int>::max());
  EXPECT_EQ(cpus("nonsense"), std::numeric_limits<int>::max());
  std::filesystem::remove_all(folder);
  EXPECT_EQ(cpus_of_quota(folder), std::numeric_limits<int>::max());
}

TEST(ThreadPool, ZeroMeansOneThreadPerCpu) { EXPECT_EQ(ThreadPool(0).threads(), available_cpus()); }

}  // namespace
}  // namespace edgefusion
