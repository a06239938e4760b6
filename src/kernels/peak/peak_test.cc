#include "kernels/peak/peak.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/arena.h"
#include "core/env.h"
#include "kernels/peak/read_rate.h"

namespace edgefusion::kernels {
namespace {

TEST(Peak, EveryUsableRowCountsItsProducts) {
  const auto isa = cap_isa(detect_isa(), read_environment().isa.value_or("scalar"));
  ASSERT_TRUE(isa.has_value());
  for (const PeakRow& row : peak_table()) {
    if (!isa->contains(row.needs)) continue;
    const int64_t once = row.run(1);
    EXPECT_GT(once, 0) << row.name;
    EXPECT_EQ(row.run(1000), 1000 * once) << row.name;
  }
}

TEST(Peak, TheChosenRowIsTheBestThatTheSetAllows) {
  EXPECT_EQ(select_peak(IsaSet(), DType::bf16).name, "scalar");
  EXPECT_TRUE(detect_isa().contains(select_peak(detect_isa(), DType::bf16).needs));
}

TEST(Peak, ReadingSeesEveryWord) {
  const auto isa = cap_isa(detect_isa(), read_environment().isa.value_or("scalar"));
  ASSERT_TRUE(isa.has_value());
  const ReadFunction read = select_read(*isa);
  constexpr int64_t kWords = 3 * 64;
  const Arena arena(kWords * sizeof(uint64_t));
  auto* words = reinterpret_cast<uint64_t*>(arena.at(0));
  std::fill(words, words + kWords, uint64_t{0});
  for (int64_t i = 0; i < kWords; ++i) {
    words[i] = uint64_t{0x9e3779b97f4a7c15} + static_cast<uint64_t>(i);
    EXPECT_EQ(read(words, kWords), words[i]);
    words[i] = 0;
  }
  words[5] = 1;
  words[100] = 6;
  EXPECT_EQ(read(words, kWords), 7u);
  EXPECT_EQ(read(words, 64), 1u);
}

}  // namespace
}  // namespace edgefusion::kernels
