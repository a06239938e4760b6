#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

TEST(Concat, JoinsTheLastAxisOfAnyNumberOfParts) {
  EXPECT_EQ(inferred(OpKind::concat, NoAttrs{},
                     {operand({1, 2, 2, 3}), operand({1, 2, 2, 4}), operand({1, 2, 2, 1})}),
            "[1,2,2,8]");
  const Tensor y =
      run_op(OpKind::concat, NoAttrs{},
             {Tensor::from_f32({2, 2}, {{1, 2, 3, 4}}), Tensor::from_f32({2, 1}, {{5, 6}})});
  expect_near(y, {1, 2, 5, 3, 4, 6}, 0);
}

TEST(Concat, RefusesPartsOfOtherShapeOrType) {
  EXPECT_EQ(refusal(OpKind::concat, NoAttrs{}, {operand({1, 2, 3}), operand({1, 4, 3})}),
            "part 1 has shape [1,4,3], expected [1,2,3]");
  EXPECT_EQ(inferred(OpKind::concat, NoAttrs{}, {operand({1, 2}), operand({1, 2, 3})}), "refused");
  EXPECT_EQ(inferred(OpKind::concat, NoAttrs{}, {operand({1, 2}), operand({1, 2}, DType::i32)}),
            "refused");
}

TEST(Slice, TakesAPartOfAnyAxisAndAnyType) {
  const Tensor x = Tensor::from_f32({2, 3, 2}, {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}});
  expect_near(run_op(OpKind::slice, SliceAttrs{1, 1, 3}, {x}), {2, 3, 4, 5, 8, 9, 10, 11}, 0);
  expect_near(run_op(OpKind::slice, SliceAttrs{2, 1, 2}, {x}), {1, 3, 5, 7, 9, 11}, 0);
  expect_near(run_op(OpKind::slice, SliceAttrs{0, 1, 2}, {x}), {6, 7, 8, 9, 10, 11}, 0);
  EXPECT_EQ(inferred(OpKind::slice, SliceAttrs{1, 0, 2}, {operand({1, 4}, DType::i32)}),
            "i32[1,2]");
}

TEST(Slice, RefusesPartsOutsideOfTheTensor) {
  const Value x = operand({2, 3});
  EXPECT_EQ(refusal(OpKind::slice, SliceAttrs{1, 2, 4}, {x}), "part 2 to 4 of axis 1 of x [2,3]");
  EXPECT_EQ(inferred(OpKind::slice, SliceAttrs{1, -1, 2}, {x}), "refused");
  EXPECT_EQ(inferred(OpKind::slice, SliceAttrs{1, 2, 2}, {x}), "refused");
  EXPECT_EQ(refusal(OpKind::slice, SliceAttrs{2, 0, 1}, {x}), "axis 2 of x [2,3]");
  EXPECT_EQ(inferred(OpKind::slice, SliceAttrs{-1, 0, 1}, {x}), "refused");
}

TEST(Reshape, KeepsElementsInOrder) {
  const Tensor y = run_op(OpKind::reshape, ReshapeAttrs{{3, 2}},
                          {Tensor::from_f32({2, 3}, {{1, 2, 3, 4, 5, 6}})});
  EXPECT_EQ(y.shape(), (Shape{3, 2}));
  expect_near(y, {1, 2, 3, 4, 5, 6}, 0);
}

TEST(Reshape, RefusesAnotherNumberOfElements) {
  EXPECT_EQ(refusal(OpKind::reshape, ReshapeAttrs{{4, 2}}, {operand({2, 3})}),
            "x has shape [2,3], which is not the elements of [4,2]");
  EXPECT_EQ(refusal(OpKind::reshape, ReshapeAttrs{{-2, -3}}, {operand({2, 3})}),
            "shape [-2,-3] has an extent below 1");
}

TEST(Layout, DescribesASliceOnlyByItsPart) {
  EXPECT_EQ(op_info(OpKind::slice).describe(SliceAttrs{1, 0, 2}), "axis=1 begin=0 end=2");
  EXPECT_EQ(op_info(OpKind::reshape).describe(ReshapeAttrs{{1}}), "");
}

}  // namespace
}  // namespace edgefusion::graph
