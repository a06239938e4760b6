#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

TEST(ResizeNearest, TakesTheSizeItIsTold) {
  EXPECT_EQ(inferred(OpKind::resize_nearest, ResizeAttrs{5, 9}, {operand({2, 3, 4, 8})}),
            "[2,5,9,8]");
  EXPECT_EQ(inferred(OpKind::resize_nearest, ResizeAttrs{0, 9}, {operand({2, 3, 4, 8})}),
            "refused");
  EXPECT_EQ(inferred(OpKind::resize_nearest, ResizeAttrs{5, -9}, {operand({2, 3, 4, 8})}),
            "refused");
  EXPECT_EQ(inferred(OpKind::resize_nearest, ResizeAttrs{5, 9}, {operand({3, 4, 8})}), "refused");
  EXPECT_EQ(op_info(OpKind::resize_nearest).describe(ResizeAttrs{5, 9}), "size=5x9");
}

// Expected values: torch.nn.functional.interpolate(mode="nearest") on the same numbers.
TEST(ResizeNearest, AgreesWithTorchAtOddRatios) {
  const Tensor smaller =
      run_op(OpKind::resize_nearest, ResizeAttrs{5, 4}, {pattern({1, 3, 5, 1}, 7, 11)});
  expect_near(smaller, {-1.25f, 0.5f,  -0.5f,  1.25f, -1.25f, 0.5f,  -0.5f,  1.25f,  -0.75f, 1.0f,
                        0.0f,   -1.0f, -0.75f, 1.0f,  0.0f,   -1.0f, -0.25f, -1.25f, 0.5f,   -0.5f},
              0);
  const Tensor larger =
      run_op(OpKind::resize_nearest, ResizeAttrs{7, 3}, {pattern({1, 3, 2, 1}, 7, 11)});
  expect_near(larger,
              {-1.25f, -1.25f, 0.5f,  -1.25f, -1.25f, 0.5f,  -1.25f, -1.25f, 0.5f,  -0.5f, -0.5f,
               1.25f,  -0.5f,  -0.5f, 1.25f,  0.25f,  0.25f, -0.75f, 0.25f,  0.25f, -0.75f},
              0);
}

TEST(ResizeNearest, KeepsChannelsAndBatchItemsTogether) {
  const Tensor x = Tensor::from_f32({2, 1, 1, 2}, {{1, 2, 3, 4}});
  expect_near(run_op(OpKind::resize_nearest, ResizeAttrs{1, 2}, {x}), {1, 2, 1, 2, 3, 4, 3, 4}, 0);
}

}  // namespace
}  // namespace edgefusion::graph
