#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

TEST(TokenMask, IsZeroWhereTheIdIsPadding) {
  const Tensor y =
      run_op(OpKind::token_mask, TokenMaskAttrs{7}, {ids_tensor({2, 3}, {1, 7, 7, 2, 3, 0})});
  EXPECT_EQ(y.shape(), (Shape{2, 3}));
  expect_near(y, {1, 0, 0, 1, 1, 1}, 0);
  EXPECT_EQ(inferred(OpKind::token_mask, TokenMaskAttrs{7}, {operand({2, 3})}), "refused");
  EXPECT_EQ(op_info(OpKind::token_mask).describe(TokenMaskAttrs{7}), "padding_id=7");
}

Tensor select(int32_t token_id, const std::vector<int32_t>& ids) {
  const Tensor x = Tensor::from_f32({2, 3, 2}, {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}});
  return run_op(OpKind::select_token, SelectTokenAttrs{token_id}, {x, ids_tensor({2, 3}, ids)});
}

TEST(SelectToken, TakesTheFirstPositionOfTheId) {
  expect_near(select(9, {1, 9, 9, 9, 2, 3}), {2, 3, 6, 7}, 0);
}

TEST(SelectToken, TakesPositionZeroWhenTheIdIsAbsent) {
  expect_near(select(9, {1, 2, 9, 1, 2, 3}), {4, 5, 6, 7}, 0);
}

TEST(SelectToken, TakesTheFirstOfTheLargestIdsForOldConfigs) {
  expect_near(select(-1, {1, 9, 9, 5, 2, 3}), {2, 3, 6, 7}, 0);
  EXPECT_EQ(op_info(OpKind::select_token).describe(SelectTokenAttrs{-1}), "largest_id");
}

TEST(SelectToken, RefusesIdsThatDoNotBelongToTheTokens) {
  const Value ids = operand({2, 3}, DType::i32);
  EXPECT_EQ(inferred(OpKind::select_token, SelectTokenAttrs{1}, {operand({2, 3, 8}), ids}),
            "[2,8]");
  EXPECT_EQ(refusal(OpKind::select_token, SelectTokenAttrs{1}, {operand({2, 4, 8}), ids}),
            "ids has shape [2,3], expected [2,4]");
  EXPECT_EQ(inferred(OpKind::select_token, SelectTokenAttrs{1}, {operand({2, 3}), ids}), "refused");
}

}  // namespace
}  // namespace edgefusion::graph
