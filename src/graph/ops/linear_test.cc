#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

TEST(Linear, KeepsAllAxesButTheLast) {
  EXPECT_EQ(inferred(OpKind::linear, LinearAttrs{}, {operand({2, 77, 4}), operand({6, 4})}),
            "[2,77,6]");
  EXPECT_EQ(inferred(OpKind::linear, LinearAttrs{}, {operand({4}), operand({6, 4}), operand({6})}),
            "[6]");
}

TEST(Linear, RefusesOperandsThatDoNotFit) {
  const Value x = operand({2, 3, 4}), weight = operand({6, 4});
  EXPECT_EQ(refusal(OpKind::linear, LinearAttrs{}, {operand({2, 3, 5}), weight}),
            "x has shape [2,3,5], expected 4 in the last axis, as in weight [6,4]");
  EXPECT_EQ(refusal(OpKind::linear, LinearAttrs{}, {x, weight, operand({4})}),
            "bias has shape [4], expected [6]");
  EXPECT_EQ(refusal(OpKind::linear, LinearAttrs{}, {x, weight, kAbsent, operand({1, 3, 6})}),
            "residual has shape [1,3,6], expected [2,3,6]");
  EXPECT_EQ(refusal(OpKind::linear, LinearAttrs{}, {operand({2, 4}, DType::i32), weight}),
            "x is i32, expected f32");
  EXPECT_EQ(inferred(OpKind::linear, LinearAttrs{}, {x, operand({6, 4, 1, 1})}), "refused");
}

TEST(Linear, RefusesMoreElementsThanAnyModelHas) {
  const int64_t large = int64_t{1} << 21;
  EXPECT_EQ(refusal(OpKind::linear, LinearAttrs{}, {operand({large, 1}), operand({large, 1})}),
            "shape [2097152,2097152] has more than 2^40 elements");
}

TEST(Linear, CountsRowsTimesInputsTimesOutputs) {
  EXPECT_EQ(macs_of(OpKind::linear, LinearAttrs{}, {operand({2, 77, 4}), operand({6, 4})}),
            2 * 77 * 4 * 6);
}

TEST(Linear, MultipliesRowsByTheTransposedWeight) {
  const Tensor x = Tensor::from_f32({2, 5}, {{1, 2, 3, 4, 5, -1, 0, 1, 0, 2}});
  const Tensor weight = Tensor::from_f32({2, 5}, {{1, 0, 0, 0, 1, 1, 1, 1, 1, 0.5f}});
  const Tensor bias = Tensor::from_f32({2}, {{10, -20}});
  const Tensor residual = Tensor::from_f32({2, 2}, {{100, 200, 300, 400}});
  expect_near(run_op(OpKind::linear, LinearAttrs{}, {x, weight}), {6, 12.5f, 1, 1}, 0);
  expect_near(run_op(OpKind::linear, LinearAttrs{}, {x, weight, bias, residual}),
              {116, 192.5f, 311, 381}, 0);
  const LinearAttrs relu{{Activation::relu, false}};
  expect_near(run_op(OpKind::linear, relu, {x, weight, bias}), {16, 0, 11, 0}, 0);
}

const LinearAttrs kGeglu{{.geglu = true}};

TEST(Linear, HalvesItsWidthWithGeglu) {
  const std::vector<Value> operands = {operand({2, 77, 4}), operand({6, 4}), operand({6})};
  EXPECT_EQ(inferred(OpKind::linear, kGeglu, operands), "[2,77,3]");
  EXPECT_EQ(macs_of(OpKind::linear, kGeglu, operands), 2 * 77 * 4 * 6);
}

TEST(Linear, RefusesGegluWithoutTwoHalvesOrBesideAnotherEpilogue) {
  const Value x = operand({2, 3, 4}), weight = operand({6, 4});
  EXPECT_EQ(refusal(OpKind::linear, kGeglu, {x, operand({5, 4})}),
            "weight [5,4] has no two halves for geglu");
  EXPECT_EQ(refusal(OpKind::linear, kGeglu, {x, weight, operand({3})}),
            "bias has shape [3], expected [6]");
  EXPECT_EQ(refusal(OpKind::linear, kGeglu, {x, weight, kAbsent, operand({2, 3, 3})}),
            "geglu beside an activation or a residual");
  const LinearAttrs activated{{.activation = Activation::relu, .geglu = true}};
  EXPECT_EQ(inferred(OpKind::linear, activated, {x, weight}), "refused");
}

TEST(Linear, MultipliesValuesByTheirGates) {
  const Tensor x = pattern({2, 3, 5}, 7, 11), weight = pattern({6, 5}, 5, 13);
  const Tensor bias = pattern({6}, 3, 5);
  const Tensor wide = run_op(OpKind::linear, LinearAttrs{}, {x, weight, bias});
  const Tensor expected = run_op(OpKind::geglu, NoAttrs{}, {wide});
  const auto values = expected.values<float>();
  expect_near(run_op(OpKind::linear, kGeglu, {x, weight, bias}), {values.begin(), values.end()},
              1e-6f);  // sums of five products of quarters are exact
}

TEST(Linear, DescribesItsEpilogueOnly) {
  EXPECT_EQ(op_info(OpKind::linear).describe(LinearAttrs{}), "");
  EXPECT_EQ(op_info(OpKind::linear).describe(kGeglu), "geglu");
  EXPECT_EQ(op_info(OpKind::linear).describe(LinearAttrs{{Activation::gelu, false}}), "act=gelu");
}

}  // namespace
}  // namespace edgefusion::graph
