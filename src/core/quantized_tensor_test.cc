#include "core/quantized_tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/hadamard.h"

namespace edgefusion {
namespace {

TEST(QuantizedTensor, S8TakesTheScalesOfItsInputsOut) {
  const std::vector<int8_t> codes = {1, -2, 3, 4, 127, -128};
  const std::vector<float> scales = {0.5f, 2.0f};
  QuantizedTensor tensor = {.shape = Shape{2, 3},
                            .codes = reinterpret_cast<const std::byte*>(codes.data()),
                            .code_bytes = 6,
                            .scales = scales.data()};
  const std::vector<float> plain = {0.5f, -1, 1.5f, 8, 254, -256};
  EXPECT_TRUE(std::ranges::equal(dequantized(tensor).values<float>(), plain));
  tensor.input_scale = {0.5f, 1, 2};
  const std::vector<float> taken_out = {1, -1, 0.75f, 16, 254, -128};
  EXPECT_TRUE(std::ranges::equal(dequantized(tensor).values<float>(), taken_out));
}

TEST(QuantizedTensor, FourBitsBeginWithTheLowHalfAndGroupsRunTapByTap) {
  // One output, two inputs, 1x2 taps: codes in the order of the tensor, groups over tap * 2 +
  // input.
  const std::vector<std::byte> codes = {std::byte{0x98}, std::byte{0x0a}};  // 8, 9, 10, 0
  const std::vector<float> scales = {1, 10};
  const QuantizedTensor tensor = {.code = WeightCode::s4,
                                  .shape = Shape{1, 2, 1, 2},
                                  .codes = codes.data(),
                                  .code_bytes = 2,
                                  .scales = scales.data(),
                                  .group = 2};
  // (input 0, tap 0) and (1, 0) have the first scale, the others the second.
  const std::vector<float> expected = {0, 10, 2, -80};
  EXPECT_TRUE(std::ranges::equal(dequantized(tensor).values<float>(), expected));
}

TEST(QuantizedTensor, PalettesOfFiveBitsCrossBytes) {
  std::vector<float> palettes(64);
  for (size_t i = 0; i < palettes.size(); ++i) palettes[i] = static_cast<float>(i);
  // Codes 1, 2, 3: bits 00001 00010 00011 from the lowest on.
  const std::vector<std::byte> codes = {std::byte{0x41}, std::byte{0x0c}, std::byte{0x41},
                                        std::byte{0x0c}};
  const QuantizedTensor tensor = {.code = WeightCode::palette5,
                                  .shape = Shape{2, 3},
                                  .codes = codes.data(),
                                  .code_bytes = 4,
                                  .palettes = palettes.data(),
                                  .rows_per_palette = 1};
  const std::vector<float> expected = {1, 2, 3, 33, 34, 35};
  EXPECT_TRUE(std::ranges::equal(dequantized(tensor).values<float>(), expected));
  EXPECT_EQ(code_bytes(WeightCode::palette5, tensor.shape), 4u);
}

TEST(QuantizedTensor, CodesHaveNames) {
  for (const WeightCode code : {WeightCode::s8, WeightCode::s4, WeightCode::palette6}) {
    EXPECT_EQ(*parse_weight_code(to_string(code)), code);
  }
  EXPECT_FALSE(parse_weight_code("s5"));
}

TEST(Hadamard, RotatesBackByRotatingAgain) {
  std::vector<float> values(24);
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
  std::vector<float> turned = values;
  rotate_blocks(turned, 8);
  EXPECT_NE(turned, values);
  double before = 0, after = 0;
  for (size_t i = 0; i < 8; ++i) {
    before += values[i] * values[i];
    after += turned[i] * turned[i];
  }
  EXPECT_NEAR(before, after, 1e-5);
  rotate_blocks(turned, 8);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(turned[i], values[i], 1e-6);
}

}  // namespace
}  // namespace edgefusion
