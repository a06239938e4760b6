#include "kernels/elementwise/elementwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "kernels/elementwise/kernel_test_data.h"

namespace edgefusion::kernels {
namespace {

std::vector<ElementwiseKernels> rows() { return usable_rows(elementwise_kernels()); }

double exact_activation(Activation kind, double x) {
  const auto sigmoid = [](double z) { return 1.0 / (1.0 + std::exp(-z)); };
  switch (kind) {
    case Activation::none:
      return x;
    case Activation::relu:
      return x < 0.0 ? 0.0 : x;
    case Activation::silu:
      return x * sigmoid(x);
    case Activation::gelu:
      return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case Activation::gelu_tanh:
      return x * sigmoid(2.0 * 0.7978845608028654 * (x + 0.044715 * x * x * x));
    case Activation::quick_gelu:
      return x * sigmoid(1.702 * x);
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sigmoid:
      return sigmoid(x);
  }
  return x;
}

/// Bounds that fast_activation-inl.h states, as a factor of the result and of x.
double fast_activation_bound(Activation kind, double x, double y) {
  const double smallest = 1.0001 * 0x1p-126;  // the least a sigmoid gets
  if (kind == Activation::gelu) return std::max(2e-4 * std::abs(y), 4e-7 + 4e-8 * std::abs(x));
  return (kind == Activation::gelu_tanh ? 2e-4 : 1e-4) * std::abs(y) + smallest * std::abs(x);
}

/// Bounds that activation-inl.h and fast_activation-inl.h state. The scalar reference subtracts in
/// f32, so its gelus are only good relative to x.
double activation_bound(const ElementwiseKernels& row, Activation kind, double x, double y) {
  const double smallest = 1e-37;  // beneath, exp flushes to zero
  if (row.needs.empty()) return 1e-6 * std::abs(x) + 1e-6 * std::abs(y) + smallest;
  if (kind == Activation::none || kind == Activation::relu) return 0.0;
  const bool is_sigmoid_or_tanh = kind == Activation::sigmoid || kind == Activation::tanh;
  if (row.dtype == DType::bf16 && !is_sigmoid_or_tanh) return fast_activation_bound(kind, x, y);
  const bool rounds_argument = kind == Activation::gelu_tanh || kind == Activation::quick_gelu;
  return (rounds_argument ? 2.2e-5 : 1.5e-6) * std::abs(y) + smallest * std::abs(x) + smallest;
}

TEST(Elementwise, ActivationsAreWithinTheirBounds) {
  std::vector<float> values;
  for (int i = -40000; i <= 40000; ++i) values.push_back(static_cast<float>(i) * 0.0025f);
  for (const float tiny : {1e-3f, 1e-6f, 1e-20f, -1e-3f, -1e-6f, -1e-20f}) values.push_back(tiny);
  for (const ElementwiseKernels& row : rows()) {
    const Stored src(row.dtype, values);
    Stored dst(row.dtype, values.size(), 77.0f);
    for (const ActivationName& entry : kActivations) {
      row.activation(entry.activation)(src.data(), dst.data(), src.size());
      for (size_t i = 0; i < src.size(); ++i) {
        const double x = src[i];
        const double y = exact_activation(entry.activation, x);
        const double bound = activation_bound(row, entry.activation, x, y);
        ASSERT_NEAR(dst[i], y, bound + storage_error(row.dtype, y))
            << row.name << " " << entry.name << " x " << x;
      }
    }
  }
}

TEST(Elementwise, ActivationsKeepNanAndReachTheirLimits) {
  for (const ElementwiseKernels& row : rows()) {
    const float large = stored(row.dtype, 3e38f);
    const Stored src(row.dtype, {kNan, kInfinity, large});
    for (const ActivationName& entry : kActivations) {
      Stored dst(row.dtype, 3, 77.0f);
      row.activation(entry.activation)(src.data(), dst.data(), 3);
      const bool bounded =
          entry.activation == Activation::tanh || entry.activation == Activation::sigmoid;
      EXPECT_TRUE(std::isnan(dst[0])) << row.name << " " << entry.name;
      EXPECT_EQ(dst[1], bounded ? 1.0f : kInfinity) << row.name << " " << entry.name;
      EXPECT_EQ(dst[2], bounded ? 1.0f : large) << row.name << " " << entry.name;
    }
  }
}

TEST(Elementwise, ActivationsOfAnyCountHaveTheSameBits) {
  for (const ElementwiseKernels& row : rows()) {
    for (const ActivationName& entry : kActivations) {
      const auto function = row.activation(entry.activation);
      for (const size_t count : edge_sizes()) {
        Stored src(row.dtype, random_floats(count, 3));
        Stored dst(row.dtype, count + 1, 77.0f);
        function(src.data(), dst.data(), count);
        EXPECT_EQ(dst[count], stored(row.dtype, 77.0f)) << row.name;
        for (size_t i = 0; i < count; ++i) {
          Stored alone(row.dtype, 1, 0.0f);
          function(src.at(i), alone.data(), 1);
          ASSERT_EQ(dst[i], alone[0]) << row.name << " " << entry.name << " " << count;
        }
      }
    }
  }
}

TEST(Elementwise, WorksInPlace) {
  for (const ElementwiseKernels& row : rows()) {
    Stored values(row.dtype, random_floats(37, 4));
    Stored expected(row.dtype, 37, 77.0f);
    row.activation(Activation::silu)(values.data(), expected.data(), 37);
    row.activation(Activation::silu)(values.data(), values.data(), 37);
    EXPECT_EQ(values, expected) << row.name;
  }
}

TEST(Elementwise, AddsAndMultipliesWithOneRounding) {
  for (const ElementwiseKernels& row : rows()) {
    for (const size_t count : edge_sizes()) {
      const Stored a(row.dtype, random_floats(count, 5));
      const Stored b(row.dtype, random_floats(count, 6));
      Stored sum(row.dtype, count, 77.0f);
      Stored product(row.dtype, count, 77.0f);
      row.add(a.data(), b.data(), sum.data(), count);
      row.mul(a.data(), b.data(), product.data(), count);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(sum[i], stored(row.dtype, a[i] + b[i])) << row.name;
        ASSERT_EQ(product[i], stored(row.dtype, a[i] * b[i])) << row.name;
      }
    }
  }
}

TEST(Elementwise, AffineIsOneOrTwoRoundings) {
  for (const ElementwiseKernels& row : rows()) {
    for (const size_t count : edge_sizes()) {
      const Stored src(row.dtype, random_floats(count, 7));
      Stored dst(row.dtype, count, 77.0f);
      row.affine(src.data(), 0.3f, -1.7f, dst.data(), count);
      for (size_t i = 0; i < count; ++i) {
        const double exact = static_cast<double>(src[i]) * 0.3f - static_cast<double>(1.7f);
        // Half a place of the product (< 2) and half of the result (< 4).
        const double bound = 0x1p-24 * 2 + 0x1p-24 * 4;
        ASSERT_NEAR(dst[i], exact, bound + storage_error(row.dtype, exact)) << row.name;
      }
    }
  }
}

TEST(Elementwise, GegluMultipliesTheFirstHalfByGeluOfTheSecond) {
  for (const ElementwiseKernels& row : rows()) {
    for (const size_t columns : edge_sizes()) {
      const size_t ld = 2 * columns + 1;
      const Stored src(row.dtype, random_floats(3 * ld, 10));
      Stored dst(row.dtype, 4 * columns, 77.0f);
      row.geglu({src.data(), dst.data(), ld, columns, columns}, 0, 3);
      for (size_t i = 0; i < 3 * columns; ++i) {
        const size_t at = i / columns * ld + i % columns;
        const double a = src[at];
        const double b = src[at + columns];
        const double exact = a * exact_activation(Activation::gelu, b);
        const double gelu_error = row.dtype == DType::bf16 ? 2e-4 : 2e-6;
        ASSERT_NEAR(dst[i], exact, gelu_error * std::abs(a * b) + storage_error(row.dtype, exact))
            << row.name << " " << columns;
      }
      for (size_t i = 3 * columns; i < dst.size(); ++i) EXPECT_EQ(dst[i], 77.0f) << row.name;
    }
  }
}

/// Every bf16, and around each pair of neighbours what lies between: the middle and its neighbours.
std::vector<float> rounding_cases() {
  std::vector<float> values;
  for (uint32_t high = 0; high < 0x10000u; ++high) {
    for (const uint32_t low : {0u, 1u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu}) {
      values.push_back(std::bit_cast<float>(high << 16 | low));
    }
  }
  return values;
}

TEST(Elementwise, StoringRoundsAsCoreDoesAndLoadingIsExact) {
  const std::vector<float> values = rounding_cases();
  for (const ElementwiseKernels& row : rows()) {
    Stored there(row.dtype, values.size(), 77.0f);
    std::vector<float> back(values.size());
    row.from_f32(values.data(), there.data(), values.size());
    row.to_f32(there.data(), back.data(), values.size());
    EXPECT_EQ(there, Stored(row.dtype, values)) << row.name;
    for (size_t i = 0; i < values.size(); ++i) {
      const auto bits = std::bit_cast<uint32_t>(there[i]);
      ASSERT_EQ(std::bit_cast<uint32_t>(back[i]), bits) << row.name << " " << values[i];
      ASSERT_EQ(std::isnan(back[i]), std::isnan(values[i])) << row.name;
    }
  }
}

TEST(Elementwise, ConversionsOfAnyCountWriteNothingElse) {
  for (const ElementwiseKernels& row : rows()) {
    for (const size_t count : edge_sizes()) {
      const std::vector<float> values = random_floats(count, 12);
      Stored there(row.dtype, count + 1, 77.0f);
      std::vector<float> back(count + 1, 77.0f);
      row.from_f32(values.data(), there.data(), count);
      row.to_f32(there.data(), back.data(), count);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(back[i], stored(row.dtype, values[i])) << row.name << " " << count;
      }
      EXPECT_EQ(there[count], stored(row.dtype, 77.0f)) << row.name;
      EXPECT_EQ(back[count], 77.0f) << row.name;
    }
  }
}

/// Checks rows 1..3 of an embedding table of `dtype` whose element i has the value `value(i)`.
template <class Value>
void expect_embedding(const ElementwiseKernels& row, const void* table, DType dtype, size_t columns,
                      Value value) {
  const std::vector<int32_t> ids = {4, 0, 4, 2};
  Stored dst(row.dtype, 4 * columns, 77.0f);
  row.embedding({table, dtype, ids.data(), dst.data(), columns, columns}, 1, 4);
  for (size_t i = columns; i < dst.size(); ++i) {
    const size_t at = static_cast<size_t>(ids[i / columns]) * columns + i % columns;
    const float expected = stored(row.dtype, value(at));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(dst[i])) << row.name << " " << to_string(dtype);
    } else {
      ASSERT_EQ(dst[i], expected) << row.name << " " << to_string(dtype);
      ASSERT_EQ(std::signbit(dst[i]), std::signbit(expected)) << row.name;
    }
  }
  for (size_t i = 0; i < columns; ++i) EXPECT_EQ(dst[i], stored(row.dtype, 77.0f)) << row.name;
}

TEST(Elementwise, EmbeddingReadsRowsOfEveryType) {
  for (const ElementwiseKernels& row : rows()) {
    for (const size_t columns : {size_t{1}, size_t{7}, size_t{33}}) {
      const std::vector<float> f32 = random_floats(5 * columns, 11);
      std::vector<uint16_t> f16(f32.size());
      std::vector<uint16_t> bf16(f32.size());
      std::transform(f32.begin(), f32.end(), f16.begin(), f32_to_f16);
      std::transform(f32.begin(), f32.end(), bf16.begin(), f32_to_bf16);
      expect_embedding(row, f32.data(), DType::f32, columns, [&](size_t i) { return f32[i]; });
      expect_embedding(row, f16.data(), DType::f16, columns,
                       [&](size_t i) { return f16_to_f32(f16[i]); });
      expect_embedding(row, bf16.data(), DType::bf16, columns,
                       [&](size_t i) { return bf16_to_f32(bf16[i]); });
    }
  }
}

TEST(Elementwise, EmbeddingWidensEveryHalf) {
  constexpr size_t kColumns = 65536;
  std::vector<uint16_t> bits(5 * kColumns);
  std::iota(bits.begin(), bits.end(), uint16_t{0});
  for (const ElementwiseKernels& row : rows()) {
    expect_embedding(row, bits.data(), DType::f16, kColumns,
                     [&](size_t i) { return f16_to_f32(bits[i]); });
    expect_embedding(row, bits.data(), DType::bf16, kColumns,
                     [&](size_t i) { return bf16_to_f32(bits[i]); });
  }
}

TEST(ElementwiseTable, GivesEveryActivationTypeItsRow) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    EXPECT_EQ(select_elementwise(allowed_isa(), dtype).dtype, dtype);
    EXPECT_EQ(select_elementwise(IsaSet(), dtype).dtype, dtype);
    EXPECT_TRUE(select_elementwise(IsaSet(), dtype).needs.empty());
  }
}

}  // namespace
}  // namespace edgefusion::kernels
