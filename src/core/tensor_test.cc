#include "core/tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>

namespace edgefusion {
namespace {

TEST(Shape, CountsElementsAndNoticesOverflow) {
  EXPECT_EQ(Shape({2, 3, 4}).elements(), 24);
  EXPECT_EQ(Shape({}).elements(), 1);
  EXPECT_EQ(Shape({5, 0}).elements(), 0);
  EXPECT_FALSE(Shape({int64_t{1} << 40, int64_t{1} << 40}).checked_elements().has_value());
  EXPECT_FALSE(Shape({-1, 4}).checked_elements().has_value());
}

TEST(Shape, NegativeAxesCountFromTheBack) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape[-1], 4);
  EXPECT_EQ(shape[-3], 2);
  EXPECT_EQ(shape.rows(), 6);
  EXPECT_EQ(shape.to_string(), "[2,3,4]");
}

TEST(Tensor, CopiesAreIndependentAndMovesLeaveNothing) {
  Tensor a = Tensor::from_f32({2}, std::array{1.0f, 2.0f});
  Tensor b = a;
  b.values<float>()[0] = 7.0f;
  EXPECT_EQ(a.values<float>()[0], 1.0f);
  const Tensor c = std::move(b);
  EXPECT_EQ(c.values<float>()[0], 7.0f);
  EXPECT_EQ(Tensor().elements(), 0);
}

TEST(Tensor, LayoutConversionsAreInverse) {
  Tensor x(Shape{2, 3, 4, 5}, DType::f32);
  float next = 0;
  for (float& value : x.values<float>()) value = next++;
  const Tensor nhwc = nchw_to_nhwc(x.view());
  EXPECT_EQ(nhwc.shape(), Shape({2, 4, 5, 3}));
  // Element (n,c,h,w) = (1,2,3,4) moves to (n,h,w,c).
  EXPECT_EQ(nhwc.values<float>()[static_cast<size_t>(((1 * 4 + 3) * 5 + 4) * 3 + 2)],
            x.values<float>()[static_cast<size_t>(((1 * 3 + 2) * 4 + 3) * 5 + 4)]);
  const Tensor back = nhwc_to_nchw(nhwc.view());
  EXPECT_TRUE(std::ranges::equal(back.values<float>(), x.values<float>()));
}

TEST(Tensor, ReadsAnyTypeAsF32EvenUnaligned) {
  std::array<std::byte, 9> bytes{};
  const uint16_t half = f32_to_f16(-1.5f);
  std::memcpy(bytes.data() + 1, &half, sizeof(half));
  EXPECT_EQ(load_as_f32({bytes.data() + 1, Shape{1}, DType::f16}, 0), -1.5f);
  const int64_t integer = -42;
  std::memcpy(bytes.data() + 1, &integer, sizeof(integer));
  EXPECT_EQ(to_f32({bytes.data() + 1, Shape{1}, DType::i64}).values<float>()[0], -42.0f);
}

}  // namespace
}  // namespace edgefusion
