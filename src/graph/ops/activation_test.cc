#include <map>

#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

const std::vector<float> kPoints = {-3.0f, -1.0f, -0.25f, 0.0f, 0.5f, 1.0f, 2.5f};

// torch.nn.functional at kPoints.
const std::map<Activation, std::vector<float>> kExpected = {
    {Activation::none, kPoints},
    {Activation::relu, {0.0f, 0.0f, 0.0f, 0.0f, 0.5f, 1.0f, 2.5f}},
    {Activation::silu,
     {-0.142277613f, -0.268941432f, -0.109455876f, 0.0f, 0.311229676f, 0.731058598f, 2.31035447f}},
    {Activation::gelu,
     {-0.00405022502f, -0.158655256f, -0.100323416f, 0.0f, 0.345731229f, 0.841344714f,
      2.48447585f}},
    {Activation::gelu_tanh,
     {-0.00363743305f, -0.158807993f, -0.100324646f, 0.0f, 0.345714003f, 0.841192007f,
      2.48491573f}},
    {Activation::quick_gelu,
     {-0.0180713106f, -0.154204234f, -0.0988003463f, 0.0f, 0.350388438f, 0.845795751f,
      2.46501398f}},
    {Activation::tanh,
     {-0.995054781f, -0.761594176f, -0.244918659f, 0.0f, 0.462117165f, 0.761594176f, 0.986614287f}},
    {Activation::sigmoid,
     {0.0474258736f, 0.268941432f, 0.437823504f, 0.5f, 0.622459352f, 0.731058598f, 0.924141824f}}};

TEST(ActivationOp, ComputesEveryKindAsTorchDoes) {
  for (const ActivationName& entry : kActivations) {
    SCOPED_TRACE(entry.name);
    const Tensor y = run_op(OpKind::activation, ActivationAttrs{entry.activation},
                            {Tensor::from_f32({7}, kPoints)});
    ASSERT_TRUE(kExpected.contains(entry.activation));
    // torch adds 1 to erf in f32 and multiplies by up to 3: a few units in the last place of 1.
    expect_near(y, kExpected.at(entry.activation), 8e-7f);
  }
}

TEST(ActivationOp, KeepsTheShapeAndTakesFloatsOnly) {
  const ActivationAttrs silu{Activation::silu};
  EXPECT_EQ(inferred(OpKind::activation, silu, {operand({1, 2, 3, 4})}), "[1,2,3,4]");
  EXPECT_EQ(inferred(OpKind::activation, silu, {operand({1, 2}, DType::i32)}), "refused");
  EXPECT_EQ(macs_of(OpKind::activation, silu, {operand({1, 2})}), 0);
  EXPECT_EQ(op_info(OpKind::activation).describe(silu), "silu");
}

TEST(Geglu, HalvesTheLastAxis) {
  EXPECT_EQ(inferred(OpKind::geglu, NoAttrs{}, {operand({2, 3, 8})}), "[2,3,4]");
  EXPECT_EQ(refusal(OpKind::geglu, NoAttrs{}, {operand({2, 3, 7})}),
            "x has shape [2,3,7], expected an even last axis");
}

TEST(Geglu, GatesTheFirstHalfWithTheSecond) {
  const Tensor y = run_op(OpKind::geglu, NoAttrs{}, {pattern({2, 6}, 7, 11)});
  expect_near(y, {-1.39742231f, 0.0748382881f, 0.0849852562f, 0.580029488f, -0.0f, 0.132062212f},
              4e-7f);
}

}  // namespace
}  // namespace edgefusion::graph
