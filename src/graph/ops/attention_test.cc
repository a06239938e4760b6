#include <limits>

#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

constexpr float kBound = 2e-6f;  // the expected values were computed in f32

const AttentionAttrs kTwoHeads{2, 0.5f, false};

std::vector<Tensor> small_operands() {
  return {pattern({1, 3, 4}, 7, 11), pattern({1, 3, 4}, 5, 13), pattern({1, 3, 6}, 3, 17)};
}

TEST(Attention, GivesEveryQueryTheWidthOfTheValues) {
  EXPECT_EQ(inferred(OpKind::attention, kTwoHeads,
                     {operand({2, 5, 8}), operand({2, 7, 8}), operand({2, 7, 4}), operand({2, 7})}),
            "[2,5,4]");
}

TEST(Attention, RefusesOperandsThatDoNotFit) {
  const Value q = operand({2, 5, 8}), k = operand({2, 7, 8}), v = operand({2, 7, 4});
  EXPECT_EQ(refusal(OpKind::attention, AttentionAttrs{3, 1, false}, {q, k, v}),
            "3 heads do not divide q [2,5,8] and v [2,7,4]");
  EXPECT_EQ(inferred(OpKind::attention, AttentionAttrs{8, 1, false}, {q, k, v}), "refused");
  EXPECT_EQ(inferred(OpKind::attention, AttentionAttrs{0, 1, false}, {q, k, v}), "refused");
  EXPECT_EQ(refusal(OpKind::attention, AttentionAttrs{2, 1, true}, {q, k, v}),
            "causal attention of 5 queries to 7 keys");
  EXPECT_EQ(refusal(OpKind::attention, kTwoHeads, {q, operand({2, 7, 6}), v}),
            "k has shape [2,7,6], expected [2,7,8]");
  EXPECT_EQ(inferred(OpKind::attention, kTwoHeads, {q, k, operand({2, 6, 4})}), "refused");
  EXPECT_EQ(inferred(OpKind::attention, kTwoHeads, {q, k, v, operand({2, 5})}), "refused");
  EXPECT_EQ(inferred(OpKind::attention, kTwoHeads, {operand({5, 8}), k, v}), "refused");
  const AttentionAttrs endless{2, std::numeric_limits<float>::infinity(), false};
  EXPECT_EQ(inferred(OpKind::attention, endless, {q, k, v}), "refused");
}

TEST(Attention, CountsBothProductsAndCausalInFull) {
  const std::vector<Value> operands = {operand({2, 5, 8}), operand({2, 7, 8}), operand({2, 7, 4})};
  EXPECT_EQ(macs_of(OpKind::attention, kTwoHeads, operands), 2 * 5 * 7 * (8 + 4));
  const std::vector<Value> square = {operand({1, 5, 8}), operand({1, 5, 8}), operand({1, 5, 8})};
  EXPECT_EQ(macs_of(OpKind::attention, AttentionAttrs{2, 1, true}, square), 5 * 5 * 16);
}

// Expected values of the next three: torch's scaled_dot_product_attention on the same numbers.
TEST(Attention, MixesValuesPerHead) {
  expect_near(run_op(OpKind::attention, kTwoHeads, small_operands()),
              {-1.75920939f, -1.00920939f, -0.259209365f, 0.50381422f, 1.25381422f, 1.27924919f,
               -1.75585938f, -1.00585938f, -0.255859345f, 0.51277566f, 1.26277566f, 0.164434373f,
               -1.752774f, -1.002774f, -0.25277403f, 0.48085916f, 1.23085916f, 0.403039992f},
              kBound);
}

TEST(Attention, LooksAtNoLaterKeyWhenCausal) {
  expect_near(run_op(OpKind::attention, AttentionAttrs{2, 0.5f, true}, small_operands()),
              {-2.0f, -1.25f, -0.5f, 0.25f, 1.0f, 1.75f, -1.90191579f, -1.15191579f, -0.401915789f,
               0.330205321f, 1.08020532f, 1.83020544f, -1.752774f, -1.002774f, -0.25277403f,
               0.48085916f, 1.23085916f, 0.403039992f},
              kBound);
}

TEST(Attention, LeavesOutMaskedKeys) {
  std::vector<Tensor> operands = small_operands();
  operands.push_back(Tensor::from_f32({1, 3}, {{1, 0, 1}}));
  expect_near(run_op(OpKind::attention, kTwoHeads, operands),
              {-1.76171017f, -1.01171017f, -0.261710167f, 0.511710227f, 1.26171029f, -0.212826312f,
               -1.75781f, -1.00781f, -0.257809967f, 0.515604734f, 1.26560473f, -0.242035151f,
               -1.75390589f, -1.00390589f, -0.253905922f, 0.476630896f, 1.22663093f, 0.0502681136f},
              kBound);
}

TEST(Attention, GivesZerosWhereNoKeyIsLeft) {
  std::vector<Tensor> operands = small_operands();
  operands.push_back(Tensor::from_f32({1, 3}, {{0, 0, 0}}));
  expect_near(run_op(OpKind::attention, kTwoHeads, operands), std::vector<float>(18, 0.0f), 0);
}

TEST(Attention, KeepsBatchItemsApart) {
  const Tensor one = Tensor::from_f32({2, 1, 1}, {{1, 1}});
  const Tensor v = Tensor::from_f32({2, 1, 2}, {{1, 2, 3, 4}});
  expect_near(run_op(OpKind::attention, AttentionAttrs{1, 1, false}, {one, one, v}), {1, 2, 3, 4},
              0);
}

// q, k and v of small_operands() side by side, as one matrix would make them, and their places.
const AttentionAttrs kColumns{.heads = 2,
                              .scale = 0.5f,
                              .q_begin = 10,
                              .k_begin = 0,
                              .v_begin = 4,
                              .qk_width = 4,
                              .v_width = 6};

Tensor side_by_side() {
  const auto operands = small_operands();
  return run_op(OpKind::concat, NoAttrs{}, {operands[1], operands[2], operands[0]});
}

TEST(Attention, ReadsItsOperandsAsColumnsOfAWiderOne) {
  const Tensor joined = side_by_side();
  const Tensor found = run_op(OpKind::attention, kColumns, {joined, joined, joined});
  const Tensor expected = run_op(OpKind::attention, kTwoHeads, small_operands());
  EXPECT_EQ(found.shape(), expected.shape());
  const auto values = expected.values<float>();
  expect_near(found, {values.begin(), values.end()}, 0);
}

TEST(Attention, CountsColumnsItReads) {
  const Value joined = operand({1, 3, 14});
  EXPECT_EQ(macs_of(OpKind::attention, kColumns, {joined, joined, joined}), 3 * 3 * (4 + 6));
}

TEST(Attention, RefusesColumnsThatAreNotThere) {
  const Value joined = operand({1, 3, 14});
  const auto refusal_with = [&](auto&& change) {
    AttentionAttrs attrs = kColumns;
    change(attrs);
    return refusal(OpKind::attention, attrs, {joined, joined, joined});
  };
  EXPECT_EQ(refusal_with([](AttentionAttrs& a) { a.q_begin = 11; }),
            "q has shape [1,3,14], expected 4 columns from 11 on");
  EXPECT_EQ(refusal_with([](AttentionAttrs& a) { a.k_begin = -1; }),
            "k has shape [1,3,14], expected 4 columns from -1 on");
  EXPECT_EQ(refusal_with([](AttentionAttrs& a) { a.v_width = 11; }),
            "v has shape [1,3,14], expected 11 columns from 4 on");
  EXPECT_EQ(refusal_with([](AttentionAttrs& a) { a.v_width = 0; }),
            "v has shape [1,3,14], expected 14 columns from 4 on");
  EXPECT_EQ(refusal_with([](AttentionAttrs& a) { a.qk_width = -4; }),
            "q has shape [1,3,14], expected -4 columns from 10 on");
  EXPECT_EQ(refusal_with([](AttentionAttrs& a) { a.v_width = 5; }),
            "2 heads do not divide q [1,3,4] and v [1,3,5]");
}

TEST(Attention, DescribesItsAttributes) {
  EXPECT_EQ(op_info(OpKind::attention).describe(AttentionAttrs{8, 0.125f, true}),
            "heads=8 scale=0.125 causal");
  EXPECT_EQ(op_info(OpKind::attention).describe(kColumns),
            "heads=2 scale=0.5 q=10:14 k=0:4 v=4:10");
}

}  // namespace
}  // namespace edgefusion::graph
