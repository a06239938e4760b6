#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/elementwise/kernel_test_data.h"
#include "kernels/norm/norm.h"
#include "kernels/quantize/quantized.h"

// Norms that read or write u8. What they give is compared with the f32 scalar reference on the
// values that the u8 of the source stand for.

namespace edgefusion::kernels {
namespace {

std::vector<NormKernels> rows() { return usable_rows(norm_kernels()); }

constexpr uint8_t kUntouched = 7;

/// Which sides of a norm are u8.
struct Sides {
  bool src, dst;
};
constexpr Sides kSides[] = {{false, true}, {true, false}, {true, true}};

/// Rows of activations, `ld` apart, in every form that a norm may take, and room for what it makes.
struct Data {
  DType dtype;
  size_t rows, channels, ld;
  std::vector<float> gamma, beta, src_scale, inverse_scale;
  std::vector<uint8_t> bytes;  // a source
  Stored floats;               // the other one
  std::vector<uint8_t> byte_results;
  Stored float_results;
  int src_zero_point = 101;
  int dst_zero_point = 93;

  Data(DType type, size_t row_count, size_t channel_count, size_t padding = 0)
      : dtype(type), rows(row_count), channels(channel_count), ld(channel_count + padding) {
    gamma = random_floats(channels, 2, 1.0f, 0.2f);
    beta = random_floats(channels, 3);
    src_scale = random_floats(channels, 4, 0.05f, 0.01f);
    inverse_scale = random_floats(channels, 5, 40.0f, 10.0f);  // some results are clamped
    const std::vector<float> values = random_floats(rows * ld, 1, 0.3f, 2.0f);
    floats = Stored(dtype, values);
    for (const float value : values) bytes.push_back(quantized(value * 20.0f, src_zero_point));
    clear();
  }
  void clear() {
    byte_results.assign(rows * ld, kUntouched);
    float_results = Stored(dtype, rows * ld, 77.0f);
  }

  /// What a norm reads, as dense f32.
  std::vector<float> values(bool u8) const {
    std::vector<float> out;
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < channels; ++c) {
        const size_t i = r * ld + c;
        out.push_back(u8 ? dequantized(bytes[i], src_zero_point, src_scale[c]) : floats[i]);
      }
    }
    return out;
  }

  /// GroupNorm and LayerNorm have all these members.
  template <class Norm>
  Norm norm(const Sides& sides) {
    Norm norm;
    norm.src = sides.src ? static_cast<const void*>(bytes.data()) : floats.data();
    norm.dst = sides.dst ? static_cast<void*>(byte_results.data()) : float_results.data();
    norm.ld_src = norm.ld_dst = ld;
    norm.channels = channels;
    norm.gamma = gamma.data();
    norm.beta = beta.data();
    norm.src_u8 = sides.src;
    norm.src_scale = src_scale.data();
    norm.src_zero_point = src_zero_point;
    norm.dst_u8 = sides.dst;
    norm.dst_inverse_scale = inverse_scale.data();
    norm.dst_zero_point = dst_zero_point;
    return norm;
  }
  GroupNorm group_norm(const Sides& sides, size_t groups, Activation activation) {
    GroupNorm group = norm<GroupNorm>(sides);
    group.pixels = rows;
    group.groups = groups;
    group.activation = activation;
    return group;
  }

  /// Results against those of the reference, which may be off by 2e-4 of their value for the
  /// activation and by `bound`.
  void expect(const std::vector<float>& exact, bool u8, double bound, const std::string& what) {
    for (size_t i = 0; i < exact.size(); ++i) {
      const double y = exact[i];
      const size_t c = i % channels;
      const size_t at = i / channels * ld + c;
      const double off = bound + 2e-4 * std::abs(y);
      if (u8) {
        const double inverse = inverse_scale[c];
        const double number = std::clamp(y * inverse + dst_zero_point, 0.0, 255.0);
        ASSERT_NEAR(byte_results[at], number, 0.5 + off * inverse) << what << " channel " << c;
      } else {
        ASSERT_NEAR(float_results[at], y, off + storage_error(dtype, y)) << what << " " << c;
      }
    }
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

/// The scalar f32 row's results, dense, for a norm of such data and sides.
std::vector<float> reference_group_norm(GroupNorm norm, const std::vector<float>& values) {
  std::vector<float> dst(values.size());
  norm.src = values.data();
  norm.dst = dst.data();
  norm.ld_src = norm.ld_dst = norm.channels;
  norm.src_u8 = norm.dst_u8 = false;
  run(select_norm(IsaSet(), DType::f32), norm, 1, norm.pixels);
  return dst;
}

std::vector<float> reference_layer_norm(LayerNorm norm, const std::vector<float>& values) {
  std::vector<float> dst(values.size());
  norm.src = values.data();
  norm.dst = dst.data();
  norm.ld_src = norm.ld_dst = norm.channels;
  norm.src_u8 = norm.dst_u8 = false;
  select_norm(IsaSet(), DType::f32).layer_norm(norm, 0, values.size() / norm.channels);
  return dst;
}

/// Roundings of f32 for results of up to 8 from values of up to 8 deviations.
constexpr double kBound = 3e-5;

TEST(GroupNormU8, MatchesTheReferenceForGroupsOfAnySize) {
  struct Shape {
    size_t pixels, channels, groups;
  };
  const Shape shapes[] = {{2, 32, 4},     {2, 6, 3},   {63, 20, 2},  {64, 320, 32}, {130, 70, 7},
                          {128, 17, 1},   {77, 34, 2}, {65, 31, 1},  {65, 33, 3},   {40, 63, 7},
                          {50, 1280, 32}, {5, 15, 1},  {3, 4100, 20}};
  for (const NormKernels& row : rows()) {
    for (const Shape& shape : shapes) {
      for (const Sides& sides : kSides) {
        for (const Activation activation : {Activation::none, Activation::silu}) {
          Data data(row.dtype, shape.pixels, shape.channels);
          const GroupNorm norm = data.group_norm(sides, shape.groups, activation);
          run(row, norm, 1, 7);
          const std::string what = std::string(row.name) + " " + std::to_string(shape.pixels) +
                                   "x" + std::to_string(shape.channels);
          data.expect(reference_group_norm(norm, data.values(sides.src)), sides.dst, kBound, what);
        }
      }
    }
  }
}

TEST(GroupNormU8, FusesEveryActivation) {
  for (const NormKernels& row : rows()) {
    for (const ActivationName& entry : kActivations) {
      for (const Sides& sides : kSides) {
        Data data(row.dtype, 70, 52);
        const GroupNorm norm = data.group_norm(sides, 4, entry.activation);
        run(row, norm, 1, 70);
        data.expect(reference_group_norm(norm, data.values(sides.src)), sides.dst, kBound,
                    std::string(row.name) + " " + std::string(entry.name));
      }
    }
  }
}

TEST(GroupNormU8, TakesAnyZeroPoint) {
  for (const NormKernels& row : rows()) {
    for (const int zero_point : {0, 1, 128, 254, 255}) {
      Data data(row.dtype, 70, 40);
      data.src_zero_point = data.dst_zero_point = zero_point;
      const GroupNorm norm = data.group_norm({true, true}, 4, Activation::silu);
      run(row, norm, 1, 70);
      data.expect(reference_group_norm(norm, data.values(true)), true, kBound, row.name);
    }
  }
}

TEST(GroupNormU8, HasTheSameBitsForAnySplitAndTouchesNothingElse) {
  for (const NormKernels& row : rows()) {
    for (const Sides& sides : kSides) {
      Data whole(row.dtype, 333, 70, 5);
      Data split = whole;
      run(row, whole.group_norm(sides, 7, Activation::silu), 100, 333);
      run(row, split.group_norm(sides, 7, Activation::silu), 1, 5);
      EXPECT_EQ(whole.byte_results, split.byte_results) << row.name;
      EXPECT_EQ(whole.float_results, split.float_results) << row.name;
      for (size_t i = 0; i < whole.byte_results.size(); ++i) {
        if (sides.dst && i % whole.ld < whole.channels) continue;
        ASSERT_EQ(whole.byte_results[i], kUntouched) << row.name;
      }
    }
  }
}

TEST(GroupNormU8, MakesTheSameNumbersOfTwoSourcesAsOfOne) {
  constexpr size_t kPixels = 67;
  for (const NormKernels& row : rows()) {
    for (const size_t second : {20, 17, 1, 69}) {
      Data data(row.dtype, kPixels, 70);
      GroupNorm norm = data.group_norm({false, true}, 7, Activation::silu);
      run(row, norm, 1, kPixels);
      const std::vector<uint8_t> expected = data.byte_results;
      data.clear();
      norm.channels2 = second;
      norm.src2 = data.floats.at(data.channels - second);
      norm.ld_src2 = data.ld;
      run(row, norm, 2, 5);
      EXPECT_EQ(data.byte_results, expected) << row.name << " " << second;
    }
  }
}

TEST(GroupNormU8, MomentsOfU8AreExactButForTheirScales) {
  for (const NormKernels& row : rows()) {
    Data data(row.dtype, 200, 96);
    std::fill(data.src_scale.begin(), data.src_scale.end(), 0.5f);
    for (size_t i = 0; i < data.bytes.size(); ++i) data.bytes[i] = i % 3 == 0 ? 255 : 0;
    const GroupNorm norm = data.group_norm({true, true}, 3, Activation::none);
    std::vector<GroupMoments> moments(group_norm_chunks(200) * 3);
    std::vector<GroupMoments> expected = moments;
    row.group_norm_moments(norm, 0, group_norm_chunks(200), moments.data());
    select_norm(IsaSet(), row.dtype)
        .group_norm_moments(norm, 0, group_norm_chunks(200), expected.data());
    for (size_t i = 0; i < moments.size(); ++i) {
      EXPECT_NEAR(moments[i].mean, expected[i].mean, 1e-12 * 255.0) << row.name;
      EXPECT_NEAR(moments[i].m2, expected[i].m2, 1e-12 * expected[i].m2) << row.name;
    }
  }
}

TEST(GroupNormU8, NanGivesTheZeroPointAndHugeResultsTheLimits) {
  for (const NormKernels& row : rows()) {
    for (const ActivationName& entry : kActivations) {
      Data data(row.dtype, 2, 40);
      GroupNorm norm = data.group_norm({false, true}, 1, entry.activation);
      std::vector<float> scale(40, 1.0f);
      const std::vector<float> shift(40, 0.0f);
      std::fill(data.inverse_scale.begin(), data.inverse_scale.end(), 1e6f);
      for (size_t i = 0; i < 80; ++i) data.floats.set(i, i % 2 == 0 ? kNan : 3e38f);
      scale[3] = kInfinity;
      row.group_norm_apply(norm, scale.data(), shift.data(), 0, 2);
      for (size_t i = 0; i < 80; ++i) {
        ASSERT_EQ(data.byte_results[i], i % 2 == 0 ? norm.dst_zero_point : 255)
            << row.name << " " << entry.name << " " << i;
      }
    }
  }
}

TEST(LayerNormU8, MatchesTheReferenceForAnyRowLength) {
  std::vector<size_t> lengths = {12, 320, 2048, 2049, 4099};
  for (const size_t length : edge_sizes()) {
    // A few nearly equal numbers have no variance to speak of.
    if (length > 4) lengths.push_back(length);
  }
  for (const NormKernels& row : rows()) {
    for (const size_t channels : lengths) {
      for (const Sides& sides : kSides) {
        Data data(row.dtype, 5, channels);
        const LayerNorm norm = data.norm<LayerNorm>(sides);
        row.layer_norm(norm, 0, 5);
        data.expect(reference_layer_norm(norm, data.values(sides.src)), sides.dst, kBound,
                    std::string(row.name) + " " + std::to_string(channels));
      }
    }
  }
}

TEST(LayerNormU8, HasTheSameBitsForAnySplitAndTouchesNothingElse) {
  for (const NormKernels& row : rows()) {
    for (const Sides& sides : kSides) {
      Data whole(row.dtype, 9, 45, 5);
      Data parts = whole;
      row.layer_norm(whole.norm<LayerNorm>(sides), 0, 9);
      row.layer_norm(parts.norm<LayerNorm>(sides), 3, 4);
      EXPECT_EQ(parts.byte_results[2 * 50 + 44], kUntouched) << row.name;
      EXPECT_EQ(parts.byte_results[3 * 50 + 45], kUntouched) << row.name;
      EXPECT_EQ(parts.byte_results[4 * 50], kUntouched) << row.name;
      row.layer_norm(parts.norm<LayerNorm>(sides), 0, 3);
      row.layer_norm(parts.norm<LayerNorm>(sides), 4, 9);
      EXPECT_EQ(parts.byte_results, whole.byte_results) << row.name;
      EXPECT_EQ(parts.float_results, whole.float_results) << row.name;
    }
  }
}

TEST(LayerNormU8, RowsWithNanGiveTheZeroPointAndConstantRowsBeta) {
  for (const NormKernels& row : rows()) {
    Data data(row.dtype, 2, 40);
    data.floats = Stored(row.dtype, 80, 5.5f);
    data.floats.set(57, kNan);
    row.layer_norm(data.norm<LayerNorm>({false, true}), 0, 2);
    for (size_t c = 0; c < 40; ++c) {
      const double beta = static_cast<double>(data.beta[c]) * data.inverse_scale[c];
      // The mean of equal numbers may be off by a rounding or two.
      const double off = 0.5 + 5.5 * 0x1p-21 / std::sqrt(1e-5) * data.inverse_scale[c];
      EXPECT_NEAR(data.byte_results[c], std::clamp(beta + data.dst_zero_point, 0.0, 255.0), off)
          << row.name;
      EXPECT_EQ(data.byte_results[40 + c], data.dst_zero_point) << row.name;
    }
  }
}

}  // namespace
}  // namespace edgefusion::kernels
