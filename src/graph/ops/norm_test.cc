#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

constexpr float kBound = 2e-6f;  // the expected values were computed in f32

const GroupNormAttrs kTwoGroups{2, 1e-5f, Activation::none};
const LayerNormAttrs kLayer{1e-5f};

TEST(GroupNorm, KeepsTheShape) {
  EXPECT_EQ(
      inferred(OpKind::group_norm, kTwoGroups, {operand({2, 3, 5, 4}), operand({4}), operand({4})}),
      "[2,3,5,4]");
  EXPECT_EQ(
      inferred(OpKind::group_norm, kTwoGroups, {operand({2, 9, 4}), operand({4}), operand({4})}),
      "[2,9,4]");
}

TEST(GroupNorm, RefusesGroupsThatDoNotDivideTheChannels) {
  const std::vector<Value> operands = {operand({1, 2, 2, 6}), operand({6}), operand({6})};
  EXPECT_EQ(refusal(OpKind::group_norm, GroupNormAttrs{4, 1e-5f, {}}, operands),
            "4 groups do not divide the 6 channels of x [1,2,2,6]");
  EXPECT_EQ(inferred(OpKind::group_norm, GroupNormAttrs{0, 1e-5f, {}}, operands), "refused");
  EXPECT_EQ(inferred(OpKind::group_norm, GroupNormAttrs{2, -1.0f, {}}, operands), "refused");
  EXPECT_EQ(inferred(OpKind::group_norm, kTwoGroups, {operand({6}), operand({6}), operand({6})}),
            "refused");
  EXPECT_EQ(
      refusal(OpKind::group_norm, kTwoGroups, {operand({1, 2, 2, 6}), operand({6}), operand({3})}),
      "beta has shape [3], expected [6]");
}

// Expected values: torch.nn.functional.group_norm and layer_norm on the same numbers.
TEST(GroupNorm, NormsPositionsAndChannelsOfAGroupTogether) {
  const Tensor y = run_op(OpKind::group_norm, kTwoGroups,
                          {pattern({2, 2, 2, 4}, 7, 11), pattern({4}, 3, 5), pattern({4}, 2, 7)});
  expect_near(y, {-0.0184434503f, -0.0133199394f, 0.463254154f,   1.36194682f,   -1.05122924f,
                  -0.443647325f,  0.018201977f,   0.620193124f,   -0.190574408f, 0.0727455392f,
                  0.389078796f,   -0.121560529f,  -1.22336018f,   -0.357581854f, -0.0559733883f,
                  0.768543839f,   -0.0184434205f, -0.0133199394f, 0.142418146f,  0.276639879f,
                  -1.05122912f,   -0.443647325f,  0.572745562f,   1.30942559f,   -0.190574378f,
                  0.0727455392f,  0.0563526675f,  0.448770821f,   -1.22336006f,  -0.357581854f,
                  0.486680061f,   1.48155653f},
              kBound);
}

TEST(GroupNorm, AppliesItsActivationToTheResult) {
  const std::vector<Tensor> operands = {pattern({1, 2, 4}, 7, 11), pattern({4}, 3, 5),
                                        pattern({4}, 2, 7)};
  const Tensor plain = run_op(OpKind::group_norm, kTwoGroups, operands);
  const Tensor fused =
      run_op(OpKind::group_norm, GroupNormAttrs{2, 1e-5f, Activation::relu}, operands);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(fused.values<float>()[i], std::max(plain.values<float>()[i], 0.0f));
  }
}

TEST(GroupNorm, ReadsTwoSourcesAsIfTheyWereJoinedAlsoInsideAGroup) {
  const Tensor x = pattern({2, 3, 2, 4}, 7, 11), x2 = pattern({2, 3, 2, 2}, 5, 13);
  const Tensor gamma = pattern({6}, 3, 5), beta = pattern({6}, 2, 7);
  const Tensor joined = run_op(OpKind::concat, NoAttrs{}, {x, x2});
  const Tensor expected = run_op(OpKind::group_norm, kTwoGroups, {joined, gamma, beta});
  const Tensor found = run_op(OpKind::group_norm, kTwoGroups, {x, gamma, beta, x2});
  EXPECT_EQ(found.shape(), expected.shape());
  const auto values = expected.values<float>();
  expect_near(found, {values.begin(), values.end()}, 0);
  EXPECT_EQ(refusal(OpKind::group_norm, kTwoGroups,
                    {operand({1, 2, 4}), operand({6}), operand({6}), operand({1, 3, 2})}),
            "x2 has shape [1,3,2], expected [1,2,2]");
}

TEST(LayerNorm, NormsEachRow) {
  const Tensor y = run_op(OpKind::layer_norm, kLayer,
                          {pattern({2, 4}, 7, 11), pattern({4}, 3, 5), pattern({4}, 2, 7)});
  expect_near(y,
              {-0.0934714675f, -0.118694291f, 0.381305695f, 1.40652847f, -0.849998713f,
               -0.599995494f, -0.0999954939f, 0.650001287f},
              kBound);
}

TEST(LayerNorm, RefusesScalesOfAnotherWidth) {
  EXPECT_EQ(inferred(OpKind::layer_norm, kLayer, {operand({2, 3, 4}), operand({4}), operand({4})}),
            "[2,3,4]");
  EXPECT_EQ(refusal(OpKind::layer_norm, kLayer, {operand({2, 3, 4}), operand({3}), operand({4})}),
            "gamma has shape [3], expected [4]");
  EXPECT_EQ(inferred(OpKind::layer_norm, kLayer,
                     {operand({2, 4}, DType::i32), operand({4}), operand({4})}),
            "refused");
}

TEST(Norms, CountNoProductsOfMatricesAndDescribeThemselves) {
  EXPECT_EQ(macs_of(OpKind::layer_norm, kLayer, {operand({2, 4}), operand({4}), operand({4})}), 0);
  EXPECT_EQ(op_info(OpKind::group_norm).describe(GroupNormAttrs{32, 1e-6f, Activation::silu}),
            "groups=32 eps=1e-06 act=silu");
  EXPECT_EQ(op_info(OpKind::layer_norm).describe(kLayer), "eps=1e-05");
}

}  // namespace
}  // namespace edgefusion::graph
