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
  std::vector<float> src, dst, gamma, beta;

  GroupCase(size_t pixels, size_t channels, size_t groups, float mean, float deviation) {
    src = random_floats(pixels * channels, 1, mean, deviation);
    dst.assign(src.size(), 77.0f);
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

/// The formula in doubles, no activation.
std::vector<double> exact_group_norm(const GroupNorm& norm) {
  std::vector<double> out(norm.pixels * norm.channels);
  const size_t size = norm.channels / norm.groups;
  for (size_t g = 0; g < norm.groups; ++g) {
    double sum = 0.0;
    double squares = 0.0;
    const auto visit = [&](auto&& f) {
      for (size_t p = 0; p < norm.pixels; ++p) {
        for (size_t c = g * size; c < (g + 1) * size; ++c) f(p, c, norm.src[p * norm.ld_src + c]);
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

TEST(GroupNorm, MatchesTheFormulaForGroupsOfAnySize) {
  struct Shape {
    size_t pixels, channels, groups;
  };
  const Shape shapes[] = {{1, 4, 1},     {1, 32, 32},    {2, 6, 3},    {63, 20, 2},  {64, 320, 32},
                          {65, 320, 32}, {130, 70, 7},   {128, 17, 1}, {77, 34, 17}, {300, 130, 13},
                          {64, 640, 32}, {50, 1280, 32}, {5, 3, 3}};
  for (const NormKernels& row : rows()) {
    for (const Shape& shape : shapes) {
      // A group of one element has only eps for a variance.
      const bool single = shape.pixels * shape.channels == shape.groups;
      const double bound = single ? group_bound(8.0, std::sqrt(1e-5)) : group_bound(2.0, 0.5);
      GroupCase c(shape.pixels, shape.channels, shape.groups, 0.3f, 2.0f);
      run(row, c.norm, 1, 7);
      const std::vector<double> exact = exact_group_norm(c.norm);
      for (size_t i = 0; i < exact.size(); ++i) {
        ASSERT_NEAR(c.dst[i], exact[i], bound)
            << row.name << " " << shape.pixels << "x" << shape.channels << "/" << shape.groups;
      }
    }
  }
}

TEST(GroupNorm, KeepsItsAccuracyUnderALargeMean) {
  for (const NormKernels& row : rows()) {
    for (const float mean : {100.0f, 1e4f, -1e5f}) {
      GroupCase c(200, 40, 4, mean, 1.0f);
      run(row, c.norm, 4, 200);
      const std::vector<double> exact = exact_group_norm(c.norm);
      for (size_t i = 0; i < exact.size(); ++i) {
        ASSERT_NEAR(c.dst[i], exact[i], group_bound(mean, 1.0)) << row.name << " mean " << mean;
      }
    }
  }
}

TEST(GroupNorm, SurvivesAnOutlierAtTheFirstPixel) {
  for (const NormKernels& row : rows()) {
    GroupCase c(64, 8, 2, 0.0f, 1.0f);
    for (size_t i = 0; i < 8; ++i) c.src[i] = 1e6f;  // the pivot of the shifted sums
    run(row, c.norm, 1, 64);
    const std::vector<double> exact = exact_group_norm(c.norm);
    for (size_t i = 0; i < exact.size(); ++i) {
      // The variance may be off by 64 roundings.
      ASSERT_NEAR(c.dst[i], exact[i], 64 * 0x1p-24 * 8.0 + group_bound(0.0, 1.0)) << row.name;
    }
  }
}

TEST(GroupNorm, HasTheSameBitsForAnySplit) {
  for (const NormKernels& row : rows()) {
    GroupCase whole(333, 70, 7, 1.0f, 1.0f);
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
      GroupCase plain(40, 20, 2, 0.0f, 1.0f);
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
      EXPECT_EQ(fused.dst, identity.dst) << row.name << " " << entry.name;
      if (entry.activation == Activation::relu) {
        for (size_t i = 0; i < fused.dst.size(); ++i) {
          EXPECT_EQ(fused.dst[i], std::max(plain.dst[i], 0.0f)) << row.name;
        }
      }
    }
  }
}

TEST(GroupNorm, WorksWithoutGammaAndBetaInPlaceAndWithStrides) {
  for (const NormKernels& row : rows()) {
    GroupCase c(70, 12, 3, 2.0f, 1.0f);
    c.norm.channels = 9;  // columns 9..11 belong to somebody else
    c.norm.gamma = c.norm.beta = nullptr;
    const std::vector<double> exact = exact_group_norm(c.norm);
    const std::vector<float> before = c.src;
    c.norm.dst = c.src.data();
    run(row, c.norm, 1, 70);
    for (size_t p = 0; p < 70; ++p) {
      for (size_t i = 0; i < 12; ++i) {
        const float got = c.src[p * 12 + i];
        const double expected = i < 9 ? exact[p * 9 + i] : before[p * 12 + i];
        ASSERT_NEAR(got, expected, i < 9 ? group_bound(2.0, 1.0) : 0.0) << row.name;
      }
    }
  }
}

TEST(GroupNorm, ConstantInputGivesBetaAndNanStaysInItsGroup) {
  for (const NormKernels& row : rows()) {
    GroupCase c(10, 8, 2, 0.0f, 1.0f);
    std::fill(c.src.begin(), c.src.end(), 3.25f);
    c.src[5] = kNan;  // group 1
    run(row, c.norm, 1, 10);
    for (size_t i = 0; i < c.dst.size(); ++i) {
      if (i % 8 < 4) {
        // x * scale and the shift cancel, each rounded, gamma < 2.
        EXPECT_NEAR(c.dst[i], c.beta[i % 8], 2.0 * 3.25 / std::sqrt(1e-5) * 0x1p-23) << row.name;
      } else {
        EXPECT_TRUE(std::isnan(c.dst[i])) << row.name;
      }
    }
  }
}

/// Rows [row0, row1) of the formula in doubles against what the kernel wrote.
void expect_layer_norm(const NormKernels& row, const LayerNorm& norm, size_t count, double bound) {
  for (size_t r = 0; r < count; ++r) {
    const float* x = norm.src + r * norm.ld_src;
    double mean = 0.0;
    double variance = 0.0;
    for (size_t c = 0; c < norm.channels; ++c) mean += x[c];
    mean /= static_cast<double>(norm.channels);
    for (size_t c = 0; c < norm.channels; ++c) variance += (x[c] - mean) * (x[c] - mean);
    variance /= static_cast<double>(norm.channels);
    const double rstd = 1.0 / std::sqrt(variance + static_cast<double>(norm.eps));
    for (size_t c = 0; c < norm.channels; ++c) {
      const double exact = (x[c] - mean) * rstd * static_cast<double>(norm.gamma[c]) +
                           static_cast<double>(norm.beta[c]);
      ASSERT_NEAR(norm.dst[r * norm.ld_dst + c], exact, bound)
          << row.name << " channels " << norm.channels;
    }
  }
}

TEST(LayerNorm, MatchesTheFormulaForAnyRowLength) {
  for (const NormKernels& row : rows()) {
    for (const float eps : {1e-5f, 1e-12f}) {
      for (size_t channels : edge_sizes()) {
        if (channels < 3) channels = 768;  // two nearly equal numbers have no variance to speak of
        for (const float mean : {0.0f, 1000.0f}) {
          const std::vector<float> src = random_floats(3 * channels, 4, mean, 1.0f);
          const std::vector<float> gamma = random_floats(channels, 5, 1.0f, 0.2f);
          const std::vector<float> beta = random_floats(channels, 6);
          std::vector<float> dst(src.size(), 77.0f);
          const LayerNorm norm{src.data(), dst.data(),   channels,    channels,
                               channels,   gamma.data(), beta.data(), eps};
          row.layer_norm(norm, 0, 3);
          // As group_bound; a short row may have a deviation of a tenth.
          expect_layer_norm(row, norm, 3, group_bound(mean, 0.1));
        }
      }
    }
  }
}

TEST(LayerNorm, TouchesOnlyItsRowsAndHasTheSameBitsForAnySplit) {
  for (const NormKernels& row : rows()) {
    const std::vector<float> src = random_floats(5 * 50, 7);
    std::vector<float> whole(src.size(), 77.0f);
    std::vector<float> parts(src.size(), 77.0f);
    LayerNorm norm{
        .src = src.data(), .dst = whole.data(), .ld_src = 50, .ld_dst = 50, .channels = 45};
    row.layer_norm(norm, 0, 5);
    norm.dst = parts.data();
    row.layer_norm(norm, 1, 2);
    EXPECT_EQ(parts[0], 77.0f);
    EXPECT_EQ(parts[100], 77.0f);
    EXPECT_EQ(parts[95], 77.0f);
    row.layer_norm(norm, 0, 1);
    row.layer_norm(norm, 2, 5);
    EXPECT_EQ(parts, whole) << row.name;
  }
}

TEST(LayerNorm, ConstantRowsGiveBetaAndNanRowsNan) {
  for (const NormKernels& row : rows()) {
    std::vector<float> src(2 * 20, 5.5f);
    src[27] = kNan;
    std::vector<float> dst(src.size());
    const LayerNorm norm{.src = src.data(),
                         .dst = dst.data(),
                         .ld_src = 20,
                         .ld_dst = 20,
                         .channels = 20,
                         .eps = 1e-5f};
    row.layer_norm(norm, 0, 2);
    for (size_t i = 0; i < 20; ++i) {
      // The mean of equal numbers may be off by a rounding or two.
      EXPECT_NEAR(dst[i], 0.0f, 5.5 * 0x1p-22 / std::sqrt(1e-5)) << row.name;
      EXPECT_TRUE(std::isnan(dst[20 + i])) << row.name;
    }
  }
}

}  // namespace
}  // namespace edgefusion::kernels
