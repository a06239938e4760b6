#include "kernels/quantize/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "kernels/elementwise/kernel_test_data.h"

namespace edgefusion::kernels {
namespace {

std::vector<QuantizeKernels> rows() { return usable_rows(quantize_kernels()); }

const QuantizeKernels& reference(DType dtype) { return select_quantize(IsaSet(), dtype); }

/// Some rows, in memory as `dtype`, and what becomes of them.
struct Case {
  QuantizeRows args;
  size_t rows;
  Stored src;
  std::vector<float> inverse_scale;
  std::vector<uint8_t> dst;
  std::vector<float> row_scales;

  Case(DType dtype, size_t row_count, size_t columns, const std::vector<float>& values)
      : rows(row_count),
        src(dtype, values),
        inverse_scale(columns, 1.0f),
        dst(values.size(), 7),
        row_scales(row_count, -1.0f) {
    args.ld_src = args.ld_dst = args.columns = columns;
  }
  void run(const QuantizeKernels& kernels, bool dynamic) { run(kernels, dynamic, 0, rows); }
  void run(const QuantizeKernels& kernels, bool dynamic, size_t row0, size_t row1) {
    args.src = src.data();
    args.dst = dst.data();
    args.inverse_scale = inverse_scale.data();
    args.row_scales = dynamic ? row_scales.data() : nullptr;
    kernels.quantize(args, row0, row1);
  }
};

/// Normal values with inverse scales of a few steps a deviation.
Case random_case(DType dtype, size_t row_count, size_t columns, unsigned seed) {
  Case c(dtype, row_count, columns, random_floats(row_count * columns, seed));
  c.inverse_scale = random_floats(columns, seed + 1, 50.0f, 20.0f);
  return c;
}

void expect_same(const Case& got, const Case& expected, const std::string& what) {
  ASSERT_EQ(got.dst, expected.dst) << what;
  for (size_t r = 0; r < got.rows; ++r) {
    ASSERT_EQ(std::bit_cast<uint32_t>(got.row_scales[r]),
              std::bit_cast<uint32_t>(expected.row_scales[r]))
        << what << " row " << r;
  }
}

/// f32 values at which roundings and conversions go wrong first.
std::vector<float> difficult_values() {
  std::vector<float> values = {
      0.0f,          -0.0f,          kNan,          -kNan,      kInfinity,  -kInfinity,
      3e38f,         -3e38f,         1e-45f,        -1e-45f,    1e-38f,     2147483520.0f,
      2147483648.0f, -2147483648.0f, 4294967296.0f, 8388607.5f, 8388609.0f, -8388608.0f,
      12582912.0f,   -12582912.0f,   16777217.0f,   65535.0f};
  // A NaN whose low bits are set.
  values.push_back(std::bit_cast<float>(0x7FC0FFFFu));
  values.push_back(std::bit_cast<float>(0xFF80FFFFu));
  for (int i = -600; i <= 600; ++i) {
    const float tie = 0.5f * static_cast<float>(i);
    values.push_back(tie);
    values.push_back(std::nextafter(tie, kInfinity));
    values.push_back(std::nextafter(tie, -kInfinity));
  }
  return values;
}

/// The contract's formula for t, in doubles.
int exact_number(double t, int zero_point) {
  if (std::isnan(t)) return zero_point;
  return static_cast<int>(std::clamp(std::nearbyint(t) + zero_point, 0.0, 255.0));
}

TEST(Quantize, RoundsToNearestEvenAndClampsWhateverTheValue) {
  const std::vector<float> values = difficult_values();
  for (const QuantizeKernels& row : rows()) {
    for (const int zero_point : {0, 1, 77, 128, 255}) {
      Case c(row.dtype, 1, values.size(), values);
      c.args.zero_point = zero_point;
      c.run(row, false);
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(c.dst[i], exact_number(static_cast<double>(c.src[i]), zero_point))
            << row.name << " value " << c.src[i] << " zero point " << zero_point;
      }
    }
  }
}

TEST(Quantize, MultipliesByTheInverseScaleInF32) {
  for (const QuantizeKernels& row : rows()) {
    Case c = random_case(row.dtype, 1, 1000, 1);
    const float special[] = {0.0f, kInfinity, -kInfinity, kNan, 1e38f, 1e-40f, -3.0f};
    std::copy(std::begin(special), std::end(special), c.inverse_scale.begin() + 100);
    c.src.set(100, kInfinity);
    c.src.set(101, 0.0f);
    c.run(row, false);
    for (size_t i = 0; i < 1000; ++i) {
      const float t = c.src[i] * c.inverse_scale[i];
      ASSERT_EQ(c.dst[i], exact_number(static_cast<double>(t), 128)) << row.name << " " << i;
    }
  }
}

TEST(Quantize, GivesTheSameBitsOnEveryInstructionSet) {
  for (const QuantizeKernels& row : rows()) {
    for (const size_t columns : edge_sizes()) {
      for (const int block : {0, 1, 2, 4, 8, 16, 32, 64}) {
        if (block > 1 && columns % static_cast<size_t>(block) != 0) continue;
        for (const bool dynamic : {false, true}) {
          Case c = random_case(row.dtype, 5, columns, 3);
          c.args.hadamard = block;
          c.args.zero_point = 117;
          Case expected = c;
          c.run(row, dynamic);
          expected.run(reference(row.dtype), dynamic);
          expect_same(c, expected,
                      std::string(row.name) + " " + std::to_string(columns) + " columns, block " +
                          std::to_string(block) + (dynamic ? ", by row" : ""));
        }
      }
    }
  }
}

TEST(Quantize, TakesRowsOfThousandsAndTheLargestBlock) {
  for (const QuantizeKernels& row : rows()) {
    for (const int block : {0, 128, 256, 512, 1024, 2048, 4096}) {
      for (const bool dynamic : {false, true}) {
        Case c = random_case(row.dtype, 2, 3 * kMaxHadamard, 4);
        c.args.hadamard = block;
        Case expected = c;
        c.run(row, dynamic);
        expected.run(reference(row.dtype), dynamic);
        expect_same(c, expected, std::string(row.name) + " block " + std::to_string(block));
      }
    }
  }
}

TEST(Quantize, GivesTheSameBitsForDifficultRows) {
  const std::vector<float> values = difficult_values();
  for (const QuantizeKernels& row : rows()) {
    for (const int block : {0, 4, 32}) {
      for (const bool dynamic : {false, true}) {
        Case c(row.dtype, values.size() / 32, 32, values);
        c.args.hadamard = block;
        Case expected = c;
        c.run(row, dynamic);
        expected.run(reference(row.dtype), dynamic);
        expect_same(c, expected, std::string(row.name) + " block " + std::to_string(block));
      }
    }
  }
}

TEST(Quantize, ScalesOfRowsAreTheirLargestMagnitudes) {
  for (const QuantizeKernels& row : rows()) {
    Case c = random_case(row.dtype, 6, 37, 5);
    c.run(row, true);
    for (size_t r = 0; r < c.rows; ++r) {
      float largest = 0.0f;
      for (size_t i = 0; i < 37; ++i) {
        largest = std::max(largest, std::abs(c.src[r * 37 + i] * c.inverse_scale[i]));
      }
      ASSERT_EQ(c.row_scales[r], largest / 127.0f) << row.name;
      for (size_t i = 0; i < 37; ++i) {
        const float t = c.src[r * 37 + i] * c.inverse_scale[i] * (1.0f / c.row_scales[r]);
        ASSERT_EQ(c.dst[r * 37 + i], std::max(exact_number(static_cast<double>(t), 128), 1))
            << row.name;
      }
      const auto row_begin = c.dst.begin() + static_cast<std::ptrdiff_t>(r * 37);
      const auto [low, high] = std::minmax_element(row_begin, row_begin + 37);
      EXPECT_TRUE(*low == 1 || *high == 255) << row.name;
    }
  }
}

TEST(Quantize, RowsWithoutAScaleGetOne) {
  for (const QuantizeKernels& row : rows()) {
    for (const float odd : {0.0f, 1e-37f, kNan, kInfinity, -kInfinity}) {
      Case c(row.dtype, 1, 19, std::vector<float>(19, 0.0f));
      c.src.set(18, odd);
      c.run(row, true);
      EXPECT_EQ(c.row_scales[0], 1.0f) << row.name << " " << odd;
      for (size_t i = 0; i < 18; ++i) EXPECT_EQ(c.dst[i], 128) << row.name << " " << odd;
      const bool infinite = std::isinf(odd);
      EXPECT_EQ(c.dst[18], !infinite ? 128 : odd > 0.0f ? 255 : 1) << row.name << " " << odd;
    }
  }
}

TEST(Quantize, BlocksAreMultipliedByTheOrthonormalHadamardMatrix) {
  constexpr size_t kColumns = 128;
  for (const QuantizeKernels& row : rows()) {
    for (const size_t block : {2, 4, 8, 16, 32, 64, 128}) {
      Case c(row.dtype, 3, kColumns, random_floats(3 * kColumns, 6, 0.0f, 40.0f));
      c.args.hadamard = static_cast<int>(block);
      c.run(row, false);
      for (size_t i = 0; i < c.dst.size(); ++i) {
        // Element [i, j] of Sylvester's matrix is -1 to the number of common bits.
        double exact = 0.0;
        for (size_t j = 0; j < block; ++j) {
          const double sign = std::popcount(i % block & j) % 2 == 0 ? 1.0 : -1.0;
          exact += sign * static_cast<double>(c.src[i / block * block + j]);
        }
        exact = std::clamp(exact / std::sqrt(static_cast<double>(block)), -128.0, 127.0);
        ASSERT_NEAR(c.dst[i] - 128.0, exact, 0.5 + 1e-4) << row.name << " block " << block;
      }
    }
  }
}

TEST(Quantize, TouchesOnlyItsRowsAndColumns) {
  for (const QuantizeKernels& row : rows()) {
    for (const bool dynamic : {false, true}) {
      Case whole = random_case(row.dtype, 9, 50, 7);
      whole.args.columns = 44;
      whole.args.hadamard = dynamic ? 4 : 0;
      Case parts = whole;
      whole.run(row, dynamic);
      parts.run(row, dynamic, 3, 4);
      EXPECT_EQ(parts.dst[2 * 50 + 43], 7);
      EXPECT_EQ(parts.dst[3 * 50 + 44], 7);
      EXPECT_EQ(parts.dst[4 * 50], 7);
      EXPECT_EQ(parts.row_scales[2], -1.0f);
      EXPECT_EQ(parts.row_scales[4], -1.0f);
      parts.run(row, dynamic, 0, 3);
      parts.run(row, dynamic, 4, 9);
      expect_same(parts, whole, row.name);
    }
  }
}

/// The values of all u8 in every column.
Stored dequantized_columns(const QuantizeKernels& row, const std::vector<float>& scale,
                           int zero_point) {
  const size_t columns = scale.size();
  std::vector<uint8_t> src(256 * columns);
  for (size_t i = 0; i < src.size(); ++i) src[i] = static_cast<uint8_t>(i / columns);
  Stored dst(row.dtype, src.size(), 77.0f);
  const DequantizeRows args{.src = src.data(),
                            .dst = dst.data(),
                            .ld_src = columns,
                            .ld_dst = columns,
                            .columns = columns,
                            .scale = scale.data(),
                            .zero_point = zero_point};
  row.dequantize(args, 0, 200);
  row.dequantize(args, 200, 256);
  return dst;
}

TEST(Dequantize, GivesTheProductOfStepsAndScaleForEveryNumber) {
  for (const QuantizeKernels& row : rows()) {
    for (const size_t columns : edge_sizes()) {
      const std::vector<float> scale = random_floats(columns, 8, 0.05f, 0.01f);
      for (const int zero_point : {0, 93, 255}) {
        const Stored values = dequantized_columns(row, scale, zero_point);
        for (size_t i = 0; i < values.size(); ++i) {
          const int q = static_cast<int>(i / columns);
          const float exact = static_cast<float>(q - zero_point) * scale[i % columns];
          ASSERT_EQ(values[i], stored(row.dtype, exact)) << row.name << " " << columns;
        }
      }
    }
  }
}

TEST(Dequantize, IsUndoneByQuantize) {
  for (const QuantizeKernels& row : rows()) {
    const std::vector<float> scale = random_floats(21, 9, 0.05f, 0.01f);
    // bf16 rounds away at most 2^-8 of a value: half a step of 128.
    Case c(row.dtype, 256, 21, std::vector<float>(256 * 21, 0.0f));
    c.src = dequantized_columns(row, scale, 128);
    for (size_t i = 0; i < 21; ++i) c.inverse_scale[i] = 1.0f / scale[i];
    c.run(row, false);
    for (size_t i = 0; i < c.dst.size(); ++i) ASSERT_EQ(c.dst[i], i / 21) << row.name;
  }
}

TEST(QuantizeTable, GivesEveryActivationTypeItsRow) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    EXPECT_EQ(select_quantize(allowed_isa(), dtype).dtype, dtype);
    EXPECT_EQ(select_quantize(IsaSet(), dtype).dtype, dtype);
    EXPECT_TRUE(select_quantize(IsaSet(), dtype).needs.empty());
  }
}

}  // namespace
}  // namespace edgefusion::kernels
