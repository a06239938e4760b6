#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

TEST(Embedding, GivesARowForEveryId) {
  EXPECT_EQ(inferred(OpKind::embedding, NoAttrs{}, {operand({2, 5}, DType::i32), operand({9, 3})}),
            "[2,5,3]");
  EXPECT_EQ(refusal(OpKind::embedding, NoAttrs{}, {operand({2, 5}), operand({9, 3})}),
            "ids is f32, expected i32");
  EXPECT_EQ(inferred(OpKind::embedding, NoAttrs{}, {operand({5}, DType::i32), operand({9, 3})}),
            "refused");
  EXPECT_EQ(inferred(OpKind::embedding, NoAttrs{}, {operand({2, 5}, DType::i32), operand({9})}),
            "refused");
}

TEST(Embedding, GivesZerosForIdsOutsideOfTheTable) {
  const Tensor table = Tensor::from_f32({3, 2}, {{1, 2, 3, 4, 5, 6}});
  const Tensor y = run_op(OpKind::embedding, NoAttrs{}, {ids_tensor({1, 4}, {2, -1, 3, 0}), table});
  expect_near(y, {5, 6, 0, 0, 0, 0, 1, 2}, 0);
}

}  // namespace
}  // namespace edgefusion::graph
