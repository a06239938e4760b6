#include <limits>

#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

constexpr float kBound = 3e-5f;  // one unit in the last place of an angle near 999, and a bit

Tensor embed(TimestepEmbeddingAttrs attrs) {
  return run_op(OpKind::timestep_embedding, attrs, {Tensor::from_f32({2}, {{999.0f, 1.5f}})});
}

// Expected values: diffusers' get_timestep_embedding of the same timesteps.
TEST(TimestepEmbedding, PutsCosinesFirstWhenFlipped) {
  expect_near(
      embed({6, true, 0.0f}),
      {0.999649823f, -0.728673339f, -0.549264669f, -0.0264607519f, 0.684861422f, 0.835648477f,
       0.070737198f, 0.99757725f, 0.999994755f, 0.997494996f, 0.0695675984f, 0.00323164649f},
      kBound);
}

TEST(TimestepEmbedding, PutsSinesFirstAndShiftsFrequencies) {
  expect_near(
      embed({6, false, 1.0f}),
      {-0.0264607519f, -0.535603166f, 0.0997339115f, 0.999649823f, -0.844469786f, 0.995014131f,
       0.997494996f, 0.0149994371f, 0.000149999978f, 0.070737198f, 0.999887526f, 1.0f},
      kBound);
}

TEST(TimestepEmbedding, EndsAnOddWidthWithZero) {
  expect_near(embed({5, true, 0.0f}),
              {0.999649823f, -0.844469786f, -0.0264607519f, -0.535603166f, 0.0f, 0.070737198f,
               0.999887526f, 0.997494996f, 0.0149994371f, 0.0f},
              kBound);
}

TEST(TimestepEmbedding, RefusesWidthsWithoutFrequencies) {
  const Value t = operand({2});
  const auto result = [&](TimestepEmbeddingAttrs attrs) {
    return inferred(OpKind::timestep_embedding, attrs, {t});
  };
  EXPECT_EQ(result({320, true, 0.0f}), "[2,320]");
  EXPECT_EQ(result({1, true, 0.0f}), "refused");
  EXPECT_EQ(result({-4, true, 0.0f}), "refused");
  EXPECT_EQ(result({2, true, 1.0f}), "refused");
  EXPECT_EQ(result({8, true, std::numeric_limits<float>::quiet_NaN()}), "refused");
  EXPECT_EQ(
      inferred(OpKind::timestep_embedding, TimestepEmbeddingAttrs{8, true, 0}, {operand({2, 1})}),
      "refused");
}

TEST(TimestepEmbedding, DescribesItsAttributes) {
  EXPECT_EQ(op_info(OpKind::timestep_embedding).describe(TimestepEmbeddingAttrs{320, true, 0}),
            "dim=320 cos,sin freq_shift=0");
}

}  // namespace
}  // namespace edgefusion::graph
