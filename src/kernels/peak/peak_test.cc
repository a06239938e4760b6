#include "kernels/peak/peak.h"

#include <gtest/gtest.h>

#include "core/env.h"

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

}  // namespace
}  // namespace edgefusion::kernels
