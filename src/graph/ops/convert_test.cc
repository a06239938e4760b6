#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

TEST(Convert, RoundsToNearestEvenAndExpandsExactly) {
  const Tensor x = Tensor::from_f32(Shape{4}, std::vector<float>{1.0f, 1.00390625f, 1.01171875f,
                                                                 -3.0f});
  Tensor half(Shape{4}, DType::bf16), back(Shape{4}, DType::f32);
  const std::vector<ConstTensorView> in = {x.view()};
  op_info(OpKind::convert).evaluate(ConvertAttrs{DType::bf16}, in, half.view());
  const std::vector<ConstTensorView> middle = {std::as_const(half).view()};
  op_info(OpKind::convert).evaluate(ConvertAttrs{DType::f32}, middle, back.view());
  // Halfway cases go to the even neighbour.
  const std::vector<float> expected = {1.0f, 1.0f, 1.015625f, -3.0f};
  EXPECT_TRUE(std::ranges::equal(back.values<float>(), expected));
}

TEST(Convert, TakesActivationsOnly) {
  const Attrs to_bf16 = ConvertAttrs{DType::bf16};
  EXPECT_EQ(inferred(OpKind::convert, to_bf16, {operand({2, 3})}), "bf16[2,3]");
  EXPECT_EQ(inferred(OpKind::convert, to_bf16, {operand({2}, DType::i32)}), "refused");
  EXPECT_EQ(inferred(OpKind::convert, ConvertAttrs{DType::i8}, {operand({2})}), "refused");
}

}  // namespace
}  // namespace edgefusion::graph
