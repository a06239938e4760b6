#include "kernels/elementwise/elementwise.h"

#include <gtest/gtest.h>

#include <algorithm>
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

/// Bounds that activation-inl.h states, relative to the result. The scalar reference subtracts in
/// f32, so its gelus are only good relative to x.
double activation_bound(const ElementwiseKernels& row, Activation kind, double x, double y) {
  const double smallest = 1e-37;  // beneath, exp flushes to zero
  if (row.needs.empty()) return 1e-6 * std::abs(x) + 1e-6 * std::abs(y) + smallest;
  if (kind == Activation::none || kind == Activation::relu) return 0.0;
  const bool rounds_argument = kind == Activation::gelu_tanh || kind == Activation::quick_gelu;
  return (rounds_argument ? 2.2e-5 : 1.5e-6) * std::abs(y) + smallest * std::abs(x) + smallest;
}

TEST(Elementwise, ActivationsAreWithinTheirBounds) {
  std::vector<float> src;
  for (int i = -40000; i <= 40000; ++i) src.push_back(static_cast<float>(i) * 0.0025f);
  for (const float tiny : {1e-3f, 1e-6f, 1e-20f, -1e-3f, -1e-6f, -1e-20f}) src.push_back(tiny);
  std::vector<float> dst(src.size());
  for (const ElementwiseKernels& row : rows()) {
    for (const ActivationName& entry : kActivations) {
      row.activation(entry.activation)(src.data(), dst.data(), src.size());
      for (size_t i = 0; i < src.size(); ++i) {
        const double x = src[i];
        const double y = exact_activation(entry.activation, x);
        ASSERT_NEAR(dst[i], y, activation_bound(row, entry.activation, x, y))
            << row.name << " " << entry.name << " x " << x;
      }
    }
  }
}

TEST(Elementwise, ActivationsKeepNanAndReachTheirLimits) {
  for (const ElementwiseKernels& row : rows()) {
    for (const ActivationName& entry : kActivations) {
      const std::vector<float> src = {kNan, kInfinity, 3e38f};
      std::vector<float> dst(3);
      row.activation(entry.activation)(src.data(), dst.data(), 3);
      const bool bounded =
          entry.activation == Activation::tanh || entry.activation == Activation::sigmoid;
      EXPECT_TRUE(std::isnan(dst[0])) << row.name << " " << entry.name;
      EXPECT_EQ(dst[1], bounded ? 1.0f : kInfinity) << row.name << " " << entry.name;
      EXPECT_EQ(dst[2], bounded ? 1.0f : 3e38f) << row.name << " " << entry.name;
    }
  }
}

TEST(Elementwise, EveryCountGivesTheBitsOfOneElementAtATime) {
  for (const ElementwiseKernels& row : rows()) {
    for (const ActivationName& entry : kActivations) {
      const auto function = row.activation(entry.activation);
      for (const size_t count : edge_sizes()) {
        const std::vector<float> src = random_floats(count, 3, 0.0f, 3.0f);
        std::vector<float> dst(count + 1, 77.0f);
        function(src.data(), dst.data(), count);
        EXPECT_EQ(dst[count], 77.0f) << row.name << " writes beyond its count";
        for (size_t i = 0; i < count; ++i) {
          float alone = 0.0f;
          function(&src[i], &alone, 1);
          ASSERT_EQ(dst[i], alone) << row.name << " " << entry.name << " " << count;
        }
      }
    }
  }
}

TEST(Elementwise, WorksInPlace) {
  for (const ElementwiseKernels& row : rows()) {
    std::vector<float> values = random_floats(37, 4);
    std::vector<float> expected(37);
    row.activation(Activation::silu)(values.data(), expected.data(), 37);
    row.activation(Activation::silu)(values.data(), values.data(), 37);
    EXPECT_EQ(values, expected) << row.name;
  }
}

TEST(Elementwise, AddsAndMultipliesExactly) {
  for (const ElementwiseKernels& row : rows()) {
    for (const size_t count : edge_sizes()) {
      const std::vector<float> a = random_floats(count, 5);
      const std::vector<float> b = random_floats(count, 6);
      std::vector<float> sum(count);
      std::vector<float> product(count);
      row.add(a.data(), b.data(), sum.data(), count);
      row.mul(a.data(), b.data(), product.data(), count);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(sum[i], a[i] + b[i]) << row.name;
        ASSERT_EQ(product[i], a[i] * b[i]) << row.name;
      }
    }
  }
}

TEST(Elementwise, AffineIsOneOrTwoRoundings) {
  for (const ElementwiseKernels& row : rows()) {
    for (const size_t count : edge_sizes()) {
      const std::vector<float> src = random_floats(count, 7);
      std::vector<float> dst(count);
      row.affine(src.data(), 0.3f, -1.7f, dst.data(), count);
      for (size_t i = 0; i < count; ++i) {
        const double exact = static_cast<double>(src[i]) * 0.3f - static_cast<double>(1.7f);
        // Half a place of the product (< 2) and half of the result (< 4).
        ASSERT_NEAR(dst[i], exact, 0x1p-24 * 2 + 0x1p-24 * 4) << row.name;
      }
    }
  }
}

TEST(Elementwise, ClampsAndKeepsNan) {
  const std::vector<float> src = {-2.0f, -1.0f, 0.5f, 1.0f, 7.0f, kInfinity, -kInfinity, kNan};
  for (const ElementwiseKernels& row : rows()) {
    std::vector<float> dst(src.size());
    row.clamp(src.data(), -1.0f, 1.0f, dst.data(), src.size());
    const std::vector<float> expected = {-1.0f, -1.0f, 0.5f, 1.0f, 1.0f, 1.0f, -1.0f};
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(dst[i], expected[i]) << row.name;
    EXPECT_TRUE(std::isnan(dst[7])) << row.name;
  }
}

TEST(Elementwise, AddsARowToEachOfTheRowsAskedFor) {
  for (const ElementwiseKernels& row : rows()) {
    for (const size_t columns : edge_sizes()) {
      const size_t ld = columns + 3;
      const std::vector<float> src = random_floats(4 * ld, 8);
      const std::vector<float> bias = random_floats(columns, 9);
      std::vector<float> dst(4 * ld, 77.0f);
      row.add_row({src.data(), bias.data(), dst.data(), ld, ld, columns}, 1, 3);
      for (size_t i = 0; i < dst.size(); ++i) {
        const bool written = i / ld >= 1 && i / ld < 3 && i % ld < columns;
        ASSERT_EQ(dst[i], written ? src[i] + bias[i % ld] : 77.0f) << row.name << " " << columns;
      }
    }
  }
}

TEST(Elementwise, GegluMultipliesTheFirstHalfByGeluOfTheSecond) {
  for (const ElementwiseKernels& row : rows()) {
    for (const size_t columns : edge_sizes()) {
      const size_t ld = 2 * columns + 1;
      const std::vector<float> src = random_floats(3 * ld, 10);
      std::vector<float> dst(3 * columns, 77.0f);
      row.geglu({src.data(), dst.data(), ld, columns, columns}, 0, 3);
      for (size_t i = 0; i < dst.size(); ++i) {
        const float* a = src.data() + i / columns * ld + i % columns;
        const double b = a[columns];
        const double exact = a[0] * exact_activation(Activation::gelu, b);
        ASSERT_NEAR(dst[i], exact, 2e-6 * std::abs(a[0] * b)) << row.name << " " << columns;
      }
    }
  }
}

TEST(Elementwise, EveryHalfWidensAsCoreDoes) {
  std::vector<uint16_t> bits(65536);
  std::iota(bits.begin(), bits.end(), uint16_t{0});
  std::vector<float> from_f16(bits.size());
  std::vector<float> from_bf16(bits.size());
  const auto same = [](float a, float b) {
    return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
  };
  for (const ElementwiseKernels& row : rows()) {
    row.f16_to_f32(bits.data(), from_f16.data(), bits.size());
    row.bf16_to_f32(bits.data(), from_bf16.data(), bits.size());
    for (size_t i = 0; i < bits.size(); ++i) {
      ASSERT_TRUE(same(f16_to_f32(bits[i]), from_f16[i])) << row.name << " f16 bits " << i;
      ASSERT_TRUE(same(bf16_to_f32(bits[i]), from_bf16[i])) << row.name << " bf16 bits " << i;
    }
  }
}

TEST(Elementwise, EmbeddingReadsRowsOfEveryType) {
  const std::vector<int32_t> ids = {4, 0, 4, 2};
  for (const ElementwiseKernels& row : rows()) {
    for (const size_t columns : {size_t{1}, size_t{7}, size_t{33}}) {
      const std::vector<float> f32 = random_floats(5 * columns, 11);
      std::vector<uint16_t> f16(f32.size());
      std::vector<uint16_t> bf16(f32.size());
      std::transform(f32.begin(), f32.end(), f16.begin(), f32_to_f16);
      std::transform(f32.begin(), f32.end(), bf16.begin(), f32_to_bf16);
      std::vector<float> dst(4 * columns, 77.0f);
      const auto expect_rows = [&](const void* table, DType dtype, auto&& value) {
        row.embedding({table, dtype, ids.data(), dst.data(), columns, columns}, 1, 4);
        for (size_t i = columns; i < dst.size(); ++i) {
          const size_t at = static_cast<size_t>(ids[i / columns]) * columns + i % columns;
          ASSERT_EQ(dst[i], value(at)) << row.name << " " << to_string(dtype);
        }
        EXPECT_EQ(dst[0], 77.0f);
      };
      expect_rows(f32.data(), DType::f32, [&](size_t i) { return f32[i]; });
      expect_rows(f16.data(), DType::f16, [&](size_t i) { return f16_to_f32(f16[i]); });
      expect_rows(bf16.data(), DType::bf16, [&](size_t i) { return bf16_to_f32(bf16[i]); });
    }
  }
}

TEST(Elementwise, PixelsRoundHalvesToEvenAndSaturate) {
  const std::vector<float> unit = {0.0f, 1.0f, -0.1f, 1.1f, 0.5f, kNan, kInfinity, -kInfinity};
  const std::vector<uint8_t> expected = {0, 255, 0, 255, 128, 0, 255, 0};  // 127.5 -> 128
  for (const ElementwiseKernels& row : rows()) {
    std::vector<uint8_t> dst(unit.size());
    row.to_u8(unit.data(), 1.0f, 0.0f, dst.data(), unit.size());
    EXPECT_EQ(dst, expected) << row.name;
    // 2.5 / 255 and 3.5 / 255 as f32 times 255 are exact halves.
    const std::vector<float> halves = {2.5f / 255.0f, 3.5f / 255.0f};
    row.to_u8(halves.data(), 1.0f, 0.0f, dst.data(), 2);
    EXPECT_EQ(dst[0], std::nearbyint(halves[0] * 255.0f)) << row.name;
    EXPECT_EQ(dst[1], std::nearbyint(halves[1] * 255.0f)) << row.name;
  }
}

TEST(Elementwise, PixelsOfEveryCountAgreeWithNumpysFormula) {
  for (const ElementwiseKernels& row : rows()) {
    for (const size_t count : edge_sizes()) {
      const std::vector<float> src = random_floats(count, 12);
      std::vector<uint8_t> dst(count + 1, 99);
      row.to_u8(src.data(), 0.5f, 0.5f, dst.data(), count);
      EXPECT_EQ(dst[count], 99) << row.name;
      for (size_t i = 0; i < count; ++i) {
        const float unit = std::clamp(src[i] / 2.0f + 0.5f, 0.0f, 1.0f);
        ASSERT_EQ(dst[i], static_cast<uint8_t>(std::nearbyint(unit * 255.0f))) << row.name;
      }
    }
  }
}

}  // namespace
}  // namespace edgefusion::kernels
