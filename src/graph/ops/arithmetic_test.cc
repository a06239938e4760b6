#include <limits>

#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

Tensor add(const Tensor& a, const Tensor& b) { return run_op(OpKind::add, NoAttrs{}, {a, b}); }

const Tensor kCounts = Tensor::from_f32({2, 3, 2}, {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}});

TEST(Add, AddsElementsOfLikeShapes) {
  expect_near(add(kCounts, kCounts), {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22}, 0);
}

TEST(Add, AddsOneVectorToAllRows) {
  expect_near(add(kCounts, Tensor::from_f32({2}, {{10, 20}})),
              {10, 21, 12, 23, 14, 25, 16, 27, 18, 29, 20, 31}, 0);
}

TEST(Add, AddsOneVectorToEachItemOfTheBatch) {
  const std::vector<float> expected = {10, 21, 12, 23, 14, 25, 36, 47, 38, 49, 40, 51};
  expect_near(add(kCounts, Tensor::from_f32({2, 1, 2}, {{10, 20, 30, 40}})), expected, 0);
  const Tensor picture = Tensor(kCounts).reshaped({2, 3, 1, 2});
  expect_near(add(picture, Tensor::from_f32({2, 2}, {{10, 20, 30, 40}})), expected, 0);
}

TEST(Add, AddsTheSamePositionsToEveryItem) {
  const std::vector<float> expected = {10, 21, 32, 43, 54, 65, 16, 27, 38, 49, 60, 71};
  const Tensor positions = Tensor::from_f32({1, 3, 2}, {{10, 20, 30, 40, 50, 60}});
  expect_near(add(kCounts, positions), expected, 0);
  expect_near(add(kCounts, Tensor(positions).reshaped({3, 2})), expected, 0);
}

TEST(Mul, ScalesEachTokenByItsFactor) {
  const std::vector<float> expected = {0, 0, 2, 3, 0, 0, 6, 7, 8, 9, 0, 0};
  const Tensor mask = Tensor::from_f32({2, 3, 1}, {{0, 1, 0, 1, 1, 0}});
  expect_near(run_op(OpKind::mul, NoAttrs{}, {kCounts, mask}), expected, 0);
  const Tensor short_mask = Tensor(mask).reshaped({2, 3});
  expect_near(run_op(OpKind::mul, NoAttrs{}, {kCounts, short_mask}), expected, 0);
}

TEST(Add, GivesTheShapeOfItsFirstOperandAndRefusesOthers) {
  EXPECT_EQ(inferred(OpKind::add, NoAttrs{}, {operand({2, 3, 4}), operand({4})}), "[2,3,4]");
  EXPECT_EQ(refusal(OpKind::add, NoAttrs{}, {operand({4}), operand({2, 3, 4})}),
            "second operand [2,3,4] does not fit [4]");
  EXPECT_EQ(inferred(OpKind::mul, NoAttrs{}, {operand({2, 3}), operand({2, 3}, DType::i32)}),
            "refused");
  EXPECT_EQ(macs_of(OpKind::add, NoAttrs{}, {operand({2, 3}), operand({3})}), 0);
}

TEST(Affine, ScalesAndShifts) {
  const AffineAttrs attrs{0.5f, -1.0f};
  expect_near(run_op(OpKind::affine, attrs, {Tensor::from_f32({3}, {{0, 2, -4}})}), {-1, 0, -3}, 0);
  EXPECT_EQ(op_info(OpKind::affine).describe(attrs), "scale=0.5 shift=-1");
  EXPECT_EQ(inferred(OpKind::affine, attrs, {operand({2, 3})}), "[2,3]");
}

TEST(Affine, RefusesWhatIsNoNumber) {
  const AffineAttrs attrs{std::numeric_limits<float>::quiet_NaN(), 0.0f};
  EXPECT_EQ(refusal(OpKind::affine, attrs, {operand({2, 3})}),
            "scale and shift are not finite numbers");
}

}  // namespace
}  // namespace edgefusion::graph
