#include <cmath>
#include <limits>
#include <memory>

#include "graph/testing/op_case.h"

namespace edgefusion::graph {
namespace {

TEST(Convert, RoundsToNearestEvenAndExpandsExactly) {
  const Tensor x =
      Tensor::from_f32(Shape{4}, std::vector<float>{1.0f, 1.00390625f, 1.01171875f, -3.0f});
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

std::shared_ptr<const U8Format> format(std::vector<float> scale, int zero_point) {
  return std::make_shared<const U8Format>(U8Format{std::move(scale), zero_point});
}

/// What the floats become, [rows, channels of the format].
std::vector<int> quantized(const std::vector<float>& values,
                           const std::shared_ptr<const U8Format>& u8) {
  const auto channels = static_cast<int64_t>(u8->scale.size());
  const Shape shape{static_cast<int64_t>(values.size()) / channels, channels};
  Tensor bytes(shape, DType::u8);
  const Tensor floats = Tensor::from_f32(shape, values);
  const std::vector<ConstTensorView> in = {floats.view()};
  op_info(OpKind::convert).evaluate(ConvertAttrs{DType::u8, u8}, in, bytes.view());
  const auto found = bytes.values<uint8_t>();
  return {found.begin(), found.end()};
}

TEST(Convert, QuantisesEachChannelByItsScaleToTheNearestEvenStep) {
  const auto u8 = format({0.5f, 0.25f}, 10);
  EXPECT_EQ(quantized({0, 0, 1, 1, -1, -1}, u8), (std::vector<int>{10, 10, 12, 14, 8, 6}));
  // 0.5, 1.5 and 2.5 steps.
  EXPECT_EQ(quantized({0.25f, 0.375f, 0.75f, 0.625f}, u8), (std::vector<int>{10, 12, 12, 12}));
}

TEST(Convert, WhatIsOutOfReachIsClampedAndNaNIsZero) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const int zero_point : {0, 7, 128, 255}) {
    const auto found = quantized({1e30f, -1e30f, kInfinity, -kInfinity, std::nanf(""), -0.0f},
                                 format({0.125f}, zero_point));
    EXPECT_EQ(found, (std::vector<int>{255, 0, 255, 0, zero_point, zero_point}));
  }
}

TEST(Convert, EveryByteComesBackAsItWas) {
  Tensor bytes(Shape{128, 2}, DType::u8), floats(Shape{128, 2}, DType::f32);
  int next = 0;
  for (uint8_t& byte : bytes.values<uint8_t>()) byte = static_cast<uint8_t>(next++);
  const auto u8 = format({0.37f, 3.0f}, 77);
  const std::vector<ConstTensorView> in = {std::as_const(bytes).view()};
  op_info(OpKind::convert).evaluate(ConvertAttrs{DType::f32, u8}, in, floats.view());
  EXPECT_EQ(floats.values<float>()[0], -77 * 0.37f);
  EXPECT_EQ(floats.values<float>()[255], (255 - 77) * 3.0f);
  const auto values = floats.values<float>();
  const auto back = quantized({values.begin(), values.end()}, u8);
  for (int i = 0; i < 256; ++i) EXPECT_EQ(back[static_cast<size_t>(i)], i);
}

TEST(Convert, U8NeedsAScaleForEachChannel) {
  const Attrs two = ConvertAttrs{DType::u8, format({1, 1}, 128)};
  EXPECT_EQ(inferred(OpKind::convert, two, {operand({5, 2})}), "u8[5,2]");
  EXPECT_NE(refusal(OpKind::convert, two, {operand({5, 3})}).find("each of 3 channels"),
            std::string::npos);
  const Attrs none = ConvertAttrs{DType::u8};
  EXPECT_NE(refusal(OpKind::convert, none, {operand({5, 2})}).find("without a scale"),
            std::string::npos);
  // Back to floats as well: the format is not in the bytes.
  const Attrs back = ConvertAttrs{DType::f32};
  EXPECT_EQ(inferred(OpKind::convert, back, {operand({5, 2}, DType::u8)}), "refused");
}

TEST(Convert, AU8ValueCarriesItsFormat) {
  const auto u8 = format({0.5f, 0.25f}, 3);
  const auto made = infer_op(OpKind::convert, ConvertAttrs{DType::u8, u8}, {operand({4, 2})});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->u8, u8);
  const auto floats =
      infer_op(OpKind::convert, ConvertAttrs{DType::f32, u8}, {operand({4, 2}, DType::u8)});
  ASSERT_TRUE(floats);
  EXPECT_EQ(floats->u8, nullptr);
}

}  // namespace
}  // namespace edgefusion::graph
