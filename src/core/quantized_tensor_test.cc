#include "core/quantized_tensor.h"

#include <gtest/gtest.h>

#include <bit>
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

TEST(QuantizedTensor, RotationIsTakenBackBeforeTheScalesOfInputs) {
  // Of the layer's weights times 2 and rotated in pairs: (1, 1) becomes (2 * 2 / sqrt(2), 0).
  const std::vector<int8_t> codes = {100, 0, 0, 100};
  const float root = std::sqrt(2.0f);
  const std::vector<float> scales = {2 * root / 100, 0.01f};
  const QuantizedTensor tensor = {.shape = Shape{2, 2},
                                  .codes = reinterpret_cast<const std::byte*>(codes.data()),
                                  .code_bytes = 4,
                                  .scales = scales.data(),
                                  .input_scale = {2},
                                  .hadamard = 2};
  const Tensor found = dequantized(tensor);
  const std::vector<float> expected = {1, 1, 0.5f / root, -0.5f / root};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(found.values<float>()[i], expected[i], 1e-6f) << i;
}

TEST(QuantizedTensor, RowsOfAnyLengthBeginAtWholeBytes) {
  // Three codes of six bits a row: 18 bits, three bytes.
  std::vector<float> palettes(128);
  for (size_t i = 0; i < palettes.size(); ++i) palettes[i] = static_cast<float>(i);
  const std::vector<std::byte> codes = {std::byte{0xff}, std::byte{0x0f}, std::byte{0x00},
                                        std::byte{0x01}, std::byte{0x10}, std::byte{0x03}};
  const QuantizedTensor tensor = {.code = WeightCode::palette6,
                                  .shape = Shape{2, 3},
                                  .codes = codes.data(),
                                  .code_bytes = 6,
                                  .palettes = palettes.data(),
                                  .rows_per_palette = 1};
  // Row 0: 111111, 111111, 000000; row 1: 000001, 000000, then bits 12 to 17 of 0x031001.
  const std::vector<float> expected = {63, 63, 0, 64 + 1, 64, 64 + 0x31};
  EXPECT_TRUE(std::ranges::equal(dequantized(tensor).values<float>(), expected));
  EXPECT_EQ(code_bytes(WeightCode::palette6, tensor.shape), 6u);
  EXPECT_EQ(code_bytes(WeightCode::s4, tensor.shape), 4u);
  EXPECT_EQ(code_bytes(WeightCode::s8, tensor.shape), 6u);
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

TEST(Hadamard, IsSylvestersMatrixOverItsRoot) {
  for (const int block : {1, 2, 4, 16}) {
    for (int column = 0; column < block; ++column) {
      std::vector<float> unit(static_cast<size_t>(block));
      unit[static_cast<size_t>(column)] = 1;
      rotate_blocks(unit, block);
      for (int row = 0; row < block; ++row) {
        const int sign = std::popcount(static_cast<unsigned>(row & column)) % 2 == 0 ? 1 : -1;
        EXPECT_NEAR(unit[static_cast<size_t>(row)],
                    static_cast<float>(sign) / std::sqrt(static_cast<float>(block)), 1e-7f);
      }
    }
  }
}

TEST(Hadamard, BlocksThatDoNotDivideAreABugOfTheCaller) {
  std::vector<float> values(12);
  EXPECT_DEATH(rotate_blocks(values, 8), "blocks of 8 in 12");
  EXPECT_DEATH(rotate_blocks(values, 3), "blocks of 3 in 12");
  EXPECT_DEATH(rotate_blocks(values, 0), "blocks of 0");
}

}  // namespace
}  // namespace edgefusion
