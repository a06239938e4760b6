#include "kernels/norm/norm.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/elementwise/kernel_test_data.h"

namespace edgefusion::kernels {
namespace {

std::vector<NormKernels> rows() { return usable_rows(norm_kernels()); }

/// One group norm problem and its output.
struct GroupCase {
  GroupNorm norm;
  Stored src, dst;
  std::vector<float> gamma, beta;

  GroupCase(DType dtype, size_t pixels, size_t channels, size_t groups, float mean,
            float deviation) {
    src = Stored(dtype, random_floats(pixels * channels, 1, mean, deviation));
    dst = Stored(dtype, src.size(), 77.0f);
    gamma = random_floats(channels, 2, 1.0f, 0.2f);
    beta = random_floats(channels, 3);
    norm.ld_src = norm.ld_dst = channels;
    norm.pixels = pixels;
    norm.channels = channels;
    norm.groups = groups;
    attach();
  }
  void attach() {
    norm.src = src.data();
    norm.dst = dst.data();
    norm.gamma = gamma.data();
    norm.beta = beta.data();
  }
};

void run(const NormKernels& row, const GroupNorm& norm, size_t chunk_step, size_t pixel_step) {
  const size_t chunks = group_norm_chunks(norm.pixels);
  std::vector<GroupMoments> moments(chunks * norm.groups);
  for (size_t c = 0; c < chunks; c += chunk_step) {
    row.group_norm_moments(norm, c, std::min(c + chunk_step, chunks), moments.data());
  }
  std::vector<float> scale(norm.channels);
  std::vector<float> shift(norm.channels);
  row.group_norm_merge(norm, moments.data(), scale.data(), shift.data());
  for (size_t p = 0; p < norm.pixels; p += pixel_step) {
    row.group_norm_apply(norm, scale.data(), shift.data(), p,
                         std::min(p + pixel_step, norm.pixels));
  }
}

/// The formula in doubles, no activation, of norm.channels channels out of rows of norm.ld_src.
std::vector<double> exact_group_norm(const GroupNorm& norm, const Stored& src) {
  std::vector<double> out(norm.pixels * norm.channels);
  const size_t size = norm.channels / norm.groups;
  for (size_t g = 0; g < norm.groups; ++g) {
    double sum = 0.0;
    double squares = 0.0;
    const auto visit = [&](auto&& f) {
      for (size_t p = 0; p < norm.pixels; ++p) {
        for (size_t c = g * size; c < (g + 1) * size; ++c) f(p, c, src[p * norm.ld_src + c]);
      }
    };
    visit([&](size_t, size_t, double x) { sum += x; });
    const double count = static_cast<double>(norm.pixels * size);
    const double mean = sum / count;
    visit([&](size_t, size_t, double x) { squares += (x - mean) * (x - mean); });
    const double rstd = 1.0 / std::sqrt(squares / count + static_cast<double>(norm.eps));
    visit([&](size_t p, size_t c, double x) {
      const double gamma = norm.gamma != nullptr ? norm.gamma[c] : 1.0;
      const double beta = norm.beta != nullptr ? norm.beta[c] : 0.0;
      out[p * norm.channels + c] = (x - mean) * rstd * gamma + beta;
    });
  }
  return out;
}

/// Roundings: of y itself (|y| < 8), of the scale (times |x - mean| * rstd < 8), and of x * scale
/// and the shift, each of the size of gamma * mean / deviation, gamma < 2.
double group_bound(double mean, double deviation) {
  return 0x1p-24 * (8.0 + 4.0 * 8.0 + 4.0 * (std::abs(mean) / deviation + 8.0));
}

/// One layer norm problem and its output.
struct LayerCase {
  LayerNorm norm;
  size_t rows;
  Stored src, dst;
  std::vector<float> gamma, beta;

  LayerCase(DType dtype, size_t row_count, size_t channels, float mean, float deviation)
      : rows(row_count),
        src(dtype, random_floats(row_count * channels, 4, mean, deviation)),
        dst(dtype, row_count * channels, 77.0f),
        gamma(random_floats(channels, 5, 1.0f, 0.2f)),
        beta(random_floats(channels, 6)) {
    norm.ld_src = norm.ld_dst = norm.channels = channels;
    attach();
  }
  void attach() {
    norm.src = src.data();
    norm.dst = dst.data();
    norm.gamma = gamma.data();
    norm.beta = beta.data();
  }

  /// All rows against the formula in doubles.
  void expect(const NormKernels& kernels, double bound) const {
    for (size_t r = 0; r < rows; ++r) {
      const auto x = [&](size_t c) { return static_cast<double>(src[r * norm.ld_src + c]); };
      double mean = 0.0;
      double variance = 0.0;
      for (size_t c = 0; c < norm.channels; ++c) mean += x(c);
      mean /= static_cast<double>(norm.channels);
      for (size_t c = 0; c < norm.channels; ++c) variance += (x(c) - mean) * (x(c) - mean);
      variance /= static_cast<double>(norm.channels);
      const double rstd = 1.0 / std::sqrt(variance + static_cast<double>(norm.eps));
      for (size_t c = 0; c < norm.channels; ++c) {
        const double exact =
            (x(c) - mean) * rstd * static_cast<double>(gamma[c]) + static_cast<double>(beta[c]);
        ASSERT_NEAR(dst[r * norm.ld_dst + c], exact, bound + storage_error(kernels.dtype, exact))
            << kernels.name << " channels " << norm.channels;
      }
    }
  }
};

TEST(GroupNorm, MatchesTheFormulaForGroupsOfAnySize) {
  struct Shape {
    size_t pixels, channels, groups;
  };
  const Shape shapes[] = {{1, 4, 1},     {1, 32, 32},    {2, 6, 3},    {63, 20, 2},  {64, 320, 32},
                          {65, 320, 32}, {130, 70, 7},   {128, 17, 1}, {77, 34, 17}, {300, 130, 13},
                          {64, 640, 32}, {50, 1280, 32}, {5, 3, 3},    {3, 4100, 20}};
  for (const NormKernels& row : rows()) {
    for (const Shape& shape : shapes) {
      // A group of one element has only eps for a variance.
      const bool single = shape.pixels * shape.channels == shape.groups;
      const double bound = single ? group_bound(8.0, std::sqrt(1e-5)) : group_bound(2.0, 0.5);
      GroupCase c(row.dtype, shape.pixels, shape.channels, shape.groups, 0.3f, 2.0f);
      run(row, c.norm, 1, 7);
      const std::vector<double> exact = exact_group_norm(c.norm, c.src);
      for (size_t i = 0; i < exact.size(); ++i) {
        ASSERT_NEAR(c.dst[i], exact[i], bound + storage_error(row.dtype, exact[i]))
            << row.name << " " << shape.pixels << "x" << shape.channels << "/" << shape.groups;
      }
    }
  }
}

TEST(GroupNorm, KeepsItsAccuracyUnderALargeMean) {
  for (const NormKernels& row : rows()) {
    for (const float mean : {100.0f, 1e4f, -1e5f}) {
      // bf16 has no room for a deviation of 1 beside such means.
      const float deviation = row.dtype == DType::bf16 ? std::abs(mean) / 32.0f : 1.0f;
      GroupCase c(row.dtype, 200, 40, 4, mean, deviation);
      run(row, c.norm, 4, 200);
      const std::vector<double> exact = exact_group_norm(c.norm, c.src);
      for (size_t i = 0; i < exact.size(); ++i) {
        const double bound = group_bound(mean, deviation) + storage_error(row.dtype, exact[i]);
        ASSERT_NEAR(c.dst[i], exact[i], bound) << row.name << " mean " << mean;
      }
    }
  }
}

TEST(GroupNorm, SurvivesAnOutlierAtTheFirstPixel) {
  for (const NormKernels& row : rows()) {
    GroupCase c(row.dtype, 64, 8, 2, 0.0f, 1.0f);
    for (size_t i = 0; i < 8; ++i) c.src.set(i, 1e6f);  // the pivot of the shifted sums
    run(row, c.norm, 1, 64);
    const std::vector<double> exact = exact_group_norm(c.norm, c.src);
    for (size_t i = 0; i < exact.size(); ++i) {
      // The variance may be off by 64 roundings.
      const double bound = 64 * 0x1p-24 * 8.0 + group_bound(0.0, 1.0);
      ASSERT_NEAR(c.dst[i], exact[i], bound + storage_error(row.dtype, exact[i])) << row.name;
    }
  }
}

TEST(GroupNorm, HasTheSameBitsForAnySplit) {
  for (const NormKernels& row : rows()) {
    GroupCase whole(row.dtype, 333, 70, 7, 1.0f, 1.0f);
    whole.norm.activation = Activation::silu;
    GroupCase split = whole;
    split.attach();
    run(row, whole.norm, 100, 333);
    run(row, split.norm, 1, 5);
    EXPECT_EQ(whole.dst, split.dst) << row.name;
  }
}

TEST(GroupNorm, FusesEveryActivation) {
  for (const NormKernels& row : rows()) {
    for (const ActivationName& entry : kActivations) {
      GroupCase plain(row.dtype, 40, 20, 2, 0.0f, 1.0f);
      GroupCase fused = plain;
      fused.attach();
      fused.norm.activation = entry.activation;
      run(row, plain.norm, 1, 40);
      run(row, fused.norm, 1, 40);
      GroupCase identity = fused;  // the kernel's own activation, reached through scale 1, shift 0
      identity.src = plain.dst;
      identity.attach();
      const std::vector<float> ones(20, 1.0f);
      const std::vector<float> zeros(20, 0.0f);
      row.group_norm_apply(identity.norm, ones.data(), zeros.data(), 0, 40);
      for (size_t i = 0; i < fused.dst.size(); ++i) {
        // The plain result was stored in between; no activation is steeper than 1.13.
        const double bound = 1.13 * storage_error(row.dtype, plain.dst[i]) +
                             2.0 * storage_error(row.dtype, fused.dst[i]);
        ASSERT_NEAR(fused.dst[i], identity.dst[i], bound) << row.name << " " << entry.name;
        if (entry.activation == Activation::relu) {
          EXPECT_EQ(fused.dst[i], std::max(plain.dst[i], 0.0f)) << row.name;
        }
      }
    }
  }
}

TEST(GroupNorm, WorksWithoutGammaAndBetaInPlaceAndWithStrides) {
  for (const NormKernels& row : rows()) {
    GroupCase c(row.dtype, 70, 12, 3, 2.0f, 1.0f);
    c.norm.channels = 9;  // columns 9..11 belong to somebody else
    c.norm.gamma = c.norm.beta = nullptr;
    const std::vector<double> exact = exact_group_norm(c.norm, c.src);
    const Stored before = c.src;
    c.norm.dst = c.src.data();
    run(row, c.norm, 1, 70);
    for (size_t p = 0; p < 70; ++p) {
      for (size_t i = 0; i < 12; ++i) {
        const bool mine = i < 9;
        const double expected = mine ? exact[p * 9 + i] : before[p * 12 + i];
        const double bound = group_bound(2.0, 1.0) + storage_error(row.dtype, expected);
        ASSERT_NEAR(c.src[p * 12 + i], expected, mine ? bound : 0.0) << row.name;
      }
    }
  }
}

TEST(GroupNorm, TakesTwoSourcesAsIfTheyWereConcatenated) {
  struct Shape {
    size_t channels, channels2, groups;
  };
  const Shape shapes[] = {{640, 320, 32}, {5, 4, 3},    {17, 16, 11},    {32, 1, 3},
                          {1, 32, 11},    {600, 40, 2}, {2060, 2100, 32}};
  constexpr size_t kPixels = 67;
  for (const NormKernels& row : rows()) {
    for (const Shape& shape : shapes) {
      const size_t both = shape.channels + shape.channels2;
      GroupCase whole(row.dtype, kPixels, both, shape.groups, 1.0f, 2.0f);
      whole.norm.activation = Activation::silu;
      run(row, whole.norm, 1, kPixels);
      GroupCase parts = whole;
      parts.attach();
      parts.norm.ld_src = shape.channels + 3;
      parts.norm.ld_src2 = shape.channels2 + 2;
      parts.norm.channels2 = shape.channels2;
      Stored first(row.dtype, kPixels * parts.norm.ld_src, kNan);
      Stored second(row.dtype, kPixels * parts.norm.ld_src2, kNan);
      for (size_t p = 0; p < kPixels; ++p) {
        for (size_t c = 0; c < both; ++c) {
          const float x = whole.src[p * both + c];
          if (c < shape.channels)
            first.set(p * parts.norm.ld_src + c, x);
          else
            second.set(p * parts.norm.ld_src2 + c - shape.channels, x);
        }
      }
      parts.norm.src = first.data();
      parts.norm.src2 = second.data();
      parts.dst = Stored(row.dtype, parts.dst.size(), 77.0f);
      parts.norm.dst = parts.dst.data();
      run(row, parts.norm, 2, 5);
      EXPECT_EQ(parts.dst, whole.dst) << row.name << " " << shape.channels;
    }
  }
}

TEST(GroupNorm, ConstantInputGivesBetaAndNanStaysInItsGroup) {
  for (const NormKernels& row : rows()) {
    GroupCase c(row.dtype, 10, 8, 2, 0.0f, 1.0f);
    c.src = Stored(row.dtype, c.src.size(), 3.25f);
    c.src.set(5, kNan);  // group 1
    c.attach();
    run(row, c.norm, 1, 10);
    for (size_t i = 0; i < c.dst.size(); ++i) {
      if (i % 8 < 4) {
        // x * scale and the shift cancel, each rounded, gamma < 2.
        const double bound = 2.0 * 3.25 / std::sqrt(1e-5) * 0x1p-23;
        const double beta = c.beta[i % 8];
        EXPECT_NEAR(c.dst[i], beta, bound + storage_error(row.dtype, beta)) << row.name;
      } else {
        EXPECT_TRUE(std::isnan(c.dst[i])) << row.name;
      }
    }
  }
}

TEST(LayerNorm, MatchesTheFormulaForAnyRowLength) {
  for (const NormKernels& row : rows()) {
    for (const float eps : {1e-5f, 1e-12f}) {
      for (size_t channels : edge_sizes()) {
        if (channels < 3) channels = 768;  // two nearly equal numbers have no variance to speak of
        for (const float mean : {0.0f, 1000.0f}) {
          // bf16 has no room for a deviation of 1 beside 1000.
          const float deviation = row.dtype == DType::bf16 && mean != 0.0f ? 50.0f : 1.0f;
          LayerCase c(row.dtype, 3, channels, mean, deviation);
          c.norm.eps = eps;
          row.layer_norm(c.norm, 0, 3);
          // As group_bound; a short row may have a tenth of the deviation.
          c.expect(row, group_bound(mean, 0.1 * static_cast<double>(deviation)));
        }
      }
    }
  }
}

TEST(LayerNorm, TakesRowsOfThousands) {
  for (const NormKernels& row : rows()) {
    LayerCase c(row.dtype, 5, 4099, 1.0f, 1.0f);
    row.layer_norm(c.norm, 0, 5);
    c.expect(row, group_bound(1.0, 0.9));
  }
}

TEST(LayerNorm, SurvivesAnOutlierAtTheFirstElement) {
  for (const NormKernels& row : rows()) {
    LayerCase c(row.dtype, 4, 1280, 0.0f, 1.0f);
    for (size_t r = 0; r < 4; ++r) c.src.set(r * 1280, 1e4f);
    row.layer_norm(c.norm, 0, 4);
    // Rows of bf16 may lose count * 2^-24 of their variance a few times over; results reach
    // sqrt(1280) and gamma 2.
    const double lost = row.dtype == DType::bf16 ? 2.0 * 1280 * 0x1p-24 * 2.0 * 36.0 : 0.0;
    c.expect(row, group_bound(8.0, 1.0) + 36.0 * 2.0 * 0x1p-22 + lost);
  }
}

TEST(LayerNorm, TouchesOnlyItsRowsAndHasTheSameBitsForAnySplit) {
  for (const NormKernels& row : rows()) {
    LayerCase whole(row.dtype, 9, 50, 0.0f, 1.0f);
    whole.norm.channels = 45;
    LayerCase parts = whole;
    parts.attach();
    row.layer_norm(whole.norm, 0, 9);
    row.layer_norm(parts.norm, 1, 2);
    EXPECT_EQ(parts.dst[0], 77.0f);
    EXPECT_EQ(parts.dst[100], 77.0f);
    EXPECT_EQ(parts.dst[95], 77.0f);
    row.layer_norm(parts.norm, 0, 1);
    row.layer_norm(parts.norm, 2, 9);
    EXPECT_EQ(parts.dst, whole.dst) << row.name;
  }
}

TEST(LayerNorm, ConstantRowsGiveBetaAndNanRowsNan) {
  for (const NormKernels& row : rows()) {
    LayerCase c(row.dtype, 2, 20, 0.0f, 1.0f);
    c.src = Stored(row.dtype, 40, 5.5f);
    c.src.set(27, kNan);
    c.attach();
    c.norm.gamma = c.norm.beta = nullptr;
    row.layer_norm(c.norm, 0, 2);
    for (size_t i = 0; i < 20; ++i) {
      // The mean of equal numbers may be off by a rounding or two.
      EXPECT_NEAR(c.dst[i], 0.0f, 5.5 * 0x1p-22 / std::sqrt(1e-5)) << row.name;
      EXPECT_TRUE(std::isnan(c.dst[20 + i])) << row.name;
    }
  }
}

TEST(NormTable, GivesEveryActivationTypeItsRow) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    EXPECT_EQ(select_norm(allowed_isa(), dtype).dtype, dtype);
    EXPECT_EQ(select_norm(IsaSet(), dtype).dtype, dtype);
    EXPECT_TRUE(select_norm(IsaSet(), dtype).needs.empty());
  }
}

}  // namespace
}  // namespace edgefusion::kernels
