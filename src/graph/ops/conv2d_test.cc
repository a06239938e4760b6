#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

constexpr float kBound = 1e-5f;  // sums of at most 18 products of quarters are exact

Conv2dAttrs padded(int top, int left, int bottom, int right, int stride = 1) {
  Conv2dAttrs attrs;
  attrs.stride = stride;
  attrs.pad_top = top, attrs.pad_left = left, attrs.pad_bottom = bottom, attrs.pad_right = right;
  return attrs;
}

TEST(Conv2d, InfersExtentsFromPaddingStrideAndUpsampling) {
  const std::vector<Value> same = {operand({2, 7, 5, 4}), operand({6, 4, 3, 3}), operand({6})};
  EXPECT_EQ(inferred(OpKind::conv2d, padded(1, 1, 1, 1), same), "[2,7,5,6]");
  EXPECT_EQ(inferred(OpKind::conv2d, padded(1, 1, 1, 1, 2), same), "[2,4,3,6]");
  EXPECT_EQ(inferred(OpKind::conv2d, padded(0, 0, 1, 1, 2), same), "[2,3,2,6]");
  EXPECT_EQ(inferred(OpKind::conv2d, padded(0, 0, 0, 0), same), "[2,5,3,6]");
  Conv2dAttrs upsampled = padded(1, 1, 1, 1);
  upsampled.upsample2x = true;
  EXPECT_EQ(inferred(OpKind::conv2d, upsampled, same), "[2,14,10,6]");
}

TEST(Conv2d, RefusesOperandsThatDoNotFit) {
  const Value x = operand({1, 8, 8, 9}), weight = operand({6, 4, 3, 3}),
              fit = operand({6, 9, 3, 3});
  EXPECT_EQ(refusal(OpKind::conv2d, padded(1, 1, 1, 1), {x, weight}),
            "x has shape [1,8,8,9], expected 4 channels, as in weight [6,4,3,3]");
  const Conv2dAttrs attrs = padded(1, 1, 1, 1);
  EXPECT_EQ(inferred(OpKind::conv2d, attrs, {operand({8, 8, 9}), fit}), "refused");
  EXPECT_EQ(inferred(OpKind::conv2d, attrs, {x, operand({6, 9})}), "refused");
  EXPECT_EQ(inferred(OpKind::conv2d, attrs, {x, fit, operand({5})}), "refused");
  EXPECT_EQ(inferred(OpKind::conv2d, attrs, {x, fit, kAbsent, operand({1, 8, 8, 5})}), "refused");
  EXPECT_EQ(inferred(OpKind::conv2d, attrs, {operand({1, 8, 8, 9}, DType::i32), fit}), "refused");
}

TEST(Conv2d, RefusesAttributesNoConfigShouldGive) {
  const std::vector<Value> operands = {operand({1, 2, 2, 4}), operand({6, 4, 3, 3})};
  EXPECT_EQ(inferred(OpKind::conv2d, padded(1, 1, 1, 1, 0), operands), "refused");
  EXPECT_EQ(inferred(OpKind::conv2d, padded(-1, 1, 1, 1), operands), "refused");
  Conv2dAttrs gated = padded(1, 1, 1, 1);
  gated.epilogue.geglu = true;
  EXPECT_EQ(refusal(OpKind::conv2d, gated, operands), "geglu is for linear alone");
  EXPECT_EQ(refusal(OpKind::conv2d, padded(0, 0, 0, 0), operands),
            "kernel of 3 is larger than the padded extent of 2");
}

TEST(Conv2d, RefusesMoreWorkThanCanBeCounted) {
  const int64_t large = int64_t{1} << 19;
  const std::vector<Value> operands = {operand({1, large, large, 4096}), operand({4, 4096, 3, 3})};
  EXPECT_EQ(refusal(OpKind::conv2d, padded(1, 1, 1, 1), operands),
            "more than 2^53 multiply-accumulates");
}

TEST(Conv2d, CountsEveryTapOfEveryOutput) {
  EXPECT_EQ(macs_of(OpKind::conv2d, padded(1, 1, 1, 1, 2),
                    {operand({2, 8, 6, 4}), operand({5, 4, 3, 3}), operand({5})}),
            2 * 4 * 3 * 5 * 4 * 9);
}

// Expected values of the next two: torch.nn.functional.conv2d on the same numbers.
TEST(Conv2d, PadsOneSideOnlyAsTheDownsamplerOfTheAutoencoderDoes) {
  const Tensor y =
      run_op(OpKind::conv2d, padded(0, 0, 1, 1, 2),
             {pattern({1, 4, 5, 2}, 7, 11), pattern({3, 2, 3, 3}, 5, 13), pattern({3}, 3, 5)});
  EXPECT_EQ(y.shape(), (Shape{1, 2, 2, 3}));
  expect_near(y,
              {5.0625f, 0.125f, -2.0f, -4.0625f, 0.1875f, 2.375f, 1.9375f, 1.375f, 1.1875f,
               -1.9375f, -2.75f, -4.0f},
              kBound);
}

TEST(Conv2d, UpsamplesBeforeItConvolves) {
  Conv2dAttrs attrs = padded(1, 1, 1, 1);
  attrs.upsample2x = true;
  const Tensor y =
      run_op(OpKind::conv2d, attrs,
             {pattern({1, 2, 2, 2}, 7, 11), pattern({3, 2, 3, 3}, 5, 13), pattern({3}, 3, 5)});
  expect_near(y, {-3.3125f, -0.1875f, -4.0f,    -0.5f,    2.25f,    0.5f,     -1.625f, 2.8125f,
                  0.3125f,  -1.5f,    2.5625f,  1.3125f,  -3.8125f, -0.4375f, 0.875f,  -0.9375f,
                  -2.25f,   0.875f,   -1.3125f, -1.3125f, 0.6875f,  1.3125f,  3.25f,   1.5f,
                  1.0f,     0.1875f,  1.375f,   1.75f,    -3.8125f, -0.875f,  1.375f,  -2.875f,
                  -1.0625f, 1.4375f,  -0.8125f, -2.6875f, 1.0625f,  -0.125f,  -0.125f, 1.1875f,
                  0.3125f,  -0.1875f, 1.0f,     1.8125f,  0.5625f,  -3.0f,    0.0f,    -1.5f},
              kBound);
}

TEST(Conv2d, ReadsTwoSourcesAsIfTheyWereJoined) {
  const Tensor x = pattern({2, 3, 4, 3}, 7, 11), x2 = pattern({2, 3, 4, 2}, 5, 13);
  const Tensor weight = pattern({4, 5, 3, 3}, 5, 17), bias = pattern({4}, 3, 5);
  const Tensor joined = run_op(OpKind::concat, NoAttrs{}, {x, x2});
  const Conv2dAttrs attrs = padded(1, 1, 1, 1, 2);
  const Tensor expected = run_op(OpKind::conv2d, attrs, {joined, weight, bias});
  const Tensor found = run_op(OpKind::conv2d, attrs, {x, weight, bias, Tensor(), x2});
  EXPECT_EQ(found.shape(), expected.shape());
  const auto values = expected.values<float>();
  expect_near(found, {values.begin(), values.end()}, 0);
}

TEST(Conv2d, RefusesASecondSourceThatDoesNotFit) {
  const Value x = operand({1, 8, 8, 4}), weight = operand({6, 9, 3, 3});
  const auto with = [&](Conv2dAttrs attrs, const Shape& x2) {
    return refusal(OpKind::conv2d, attrs, {x, weight, kAbsent, kAbsent, operand(x2)});
  };
  EXPECT_EQ(with(padded(1, 1, 1, 1), {1, 8, 8, 5}), "accepted");
  EXPECT_EQ(with(padded(1, 1, 1, 1), {1, 8, 4, 5}), "x2 has shape [1,8,4,5], expected [1,8,8,5]");
  EXPECT_EQ(with(padded(1, 1, 1, 1), {1, 8, 8, 4}),
            "x has shape [1,8,8,8], expected 9 channels, as in weight [6,9,3,3]");
  Conv2dAttrs upsampled = padded(1, 1, 1, 1);
  upsampled.upsample2x = true;
  EXPECT_EQ(with(upsampled, {1, 8, 8, 5}), "upsample2x of two sources");
}

TEST(Conv2d, AppliesTheActivationOnTheSideOfTheResidualItIsToldTo) {
  const auto one = [](float value) { return Tensor::from_f32({1, 1, 1, 1}, {{value}}); };
  const std::vector<Tensor> operands = {one(2), one(-3), Tensor::from_f32({1}, {{1.0f}}), one(4)};
  Conv2dAttrs attrs;
  expect_near(run_op(OpKind::conv2d, attrs, operands), {-1.0f}, kBound);
  attrs.epilogue.activation = Activation::relu;
  expect_near(run_op(OpKind::conv2d, attrs, operands), {4.0f}, kBound);
  attrs.epilogue.activation_after_residual = true;
  expect_near(run_op(OpKind::conv2d, attrs, operands), {0.0f}, kBound);
}

TEST(Conv2d, DescribesItsAttributes) {
  Conv2dAttrs attrs = padded(0, 0, 1, 1, 2);
  EXPECT_EQ(op_info(OpKind::conv2d).describe(attrs), "stride=2 pad=0,0,1,1");
  attrs.upsample2x = true;
  attrs.epilogue = {Activation::relu, true};
  EXPECT_EQ(op_info(OpKind::conv2d).describe(attrs),
            "stride=2 pad=0,0,1,1 upsample2x act=relu after_residual");
}

}  // namespace
}  // namespace edgefusion::graph
