#include "kernels/matrix/int8/winograd_int8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "kernels/gemm/gemm_test_data.h"
#include "kernels/matrix/int8/int8_matrix_test_rows.h"

namespace edgefusion::kernels {
namespace {

struct Problem {
  ConvShape shape;
  DType src = DType::u8;
  DType dst = DType::f32;
  int zero_point = 131;
  Activation activation = Activation::none;
  bool image_add = false, residual = false, after_residual = false;
};

size_t size(int64_t count) { return static_cast<size_t>(count); }

/// Inputs of a problem; rows of src, src2, dst and residual lie apart by odd gaps.
struct Inputs {
  Problem p;
  std::vector<uint16_t> src, src2;  // bf16, or u8 one in each
  std::vector<uint8_t> src_u8, src2_u8;
  std::vector<uint16_t> residual;
  std::vector<int8_t> weights;
  std::vector<float> weight_scales, inverse_scale, position_inverse_scale, bias, image_add;
  std::vector<float> dst_inverse_scale;
  int64_t src_stride, src2_stride, dst_stride, residual_stride;

  explicit Inputs(const Problem& problem)
      : p(problem),
        src_stride(p.shape.channels + 3),
        src2_stride(p.shape.channels2 + 1),
        dst_stride(p.shape.outputs + 5),
        residual_stride(p.shape.outputs + 1) {
    const ConvShape& s = p.shape;
    const int64_t pixels = s.batch * s.height * s.width;
    src = random_bf16(pixels * src_stride, 2);
    src2 = random_bf16(pixels * src2_stride, 3);
    src_u8 = random_bytes<uint8_t>(pixels * src_stride, 4);
    src2_u8 = random_bytes<uint8_t>(pixels * src2_stride, 5);
    residual = random_bf16(s.pixels() * residual_stride, 6);
    weights = random_bytes<int8_t>(s.outputs * s.inputs() * s.taps(), 7);
    weight_scales = between(0.001f, 0.01f, s.outputs, 8);
    inverse_scale = between(10.0f, 60.0f, s.inputs(), 9);
    position_inverse_scale = between(0.12f, 1.2f, 16, 10);
    bias = between(-1, 1, s.outputs, 11);
    image_add = between(-1, 1, s.batch * s.outputs, 12);
    dst_inverse_scale = between(0.5f, 2.0f, s.outputs, 13);
  }

  static std::vector<float> between(float low, float high, int64_t count, uint32_t seed) {
    std::vector<float> values = random_values(size(count), seed);
    for (float& v : values) v = low + (high - low) * (v + 1) / 2;
    return values;
  }

  static std::vector<uint16_t> random_bf16(int64_t count, uint32_t seed) {
    std::vector<uint16_t> bits;
    for (const float v : random_values(size(count), seed)) bits.push_back(f32_to_bf16(v));
    return bits;
  }

  template <typename T>
  static std::vector<T> random_bytes(int64_t count, uint32_t seed) {
    std::mt19937 bits(seed);
    std::vector<T> values(size(count));
    for (T& v : values) v = static_cast<T>(bits());
    return values;
  }

  Int8Weights weights_view() const {
    const ConvShape& s = p.shape;
    return {weights.data(), weight_scales.data(), s.outputs, s.inputs(), s.taps()};
  }

  Int8MatrixArgs args(const void* packed, void* dst) const {
    const bool u8 = p.src == DType::u8;
    Int8MatrixArgs a;
    a.shape = p.shape;
    a.src_type = p.src;
    a.src = u8 ? static_cast<const void*>(src_u8.data()) : src.data();
    a.src_stride = src_stride;
    a.src2 = u8 ? static_cast<const void*>(src2_u8.data()) : src2.data();
    a.src2_stride = src2_stride;
    a.zero_point = p.zero_point;
    a.inverse_scale = u8 ? nullptr : inverse_scale.data();
    a.position_inverse_scale = position_inverse_scale.data();
    a.packed_weights = packed;
    a.dst = dst;
    a.dst_type = p.dst;
    a.dst_inverse_scale = dst_inverse_scale.data();
    a.dst_zero_point = 117;
    a.dst_stride = dst_stride;
    a.epilogue.bias = bias.data();
    a.epilogue.image_add = p.image_add ? image_add.data() : nullptr;
    a.epilogue.activation = p.activation;
    a.epilogue.activation_after_residual = p.after_residual;
    a.epilogue.residual = p.residual ? residual.data() : nullptr;
    a.epilogue.residual_stride = residual_stride;
    return a;
  }
};

// ---- The contract, written plainly: the picture enlarged if it is to be, patches of 4 ----

template <typename T>
using Patch = std::array<std::array<T, 4>, 4>;  // [y][x]

template <typename T>
Patch<T> transformed_patch(const Patch<T>& d) {
  Patch<T> columns, v;
  for (size_t x = 0; x < 4; ++x) {
    columns[0][x] = d[0][x] - d[2][x];
    columns[1][x] = d[1][x] + d[2][x];
    columns[2][x] = d[2][x] - d[1][x];
    columns[3][x] = d[1][x] - d[3][x];
  }
  for (size_t y = 0; y < 4; ++y) {
    v[y][0] = columns[y][0] - columns[y][2];
    v[y][1] = columns[y][1] + columns[y][2];
    v[y][2] = columns[y][2] - columns[y][1];
    v[y][3] = columns[y][1] - columns[y][3];
  }
  return v;
}

class Reference {
 public:
  explicit Reference(const Inputs& in) : in_(in), s_(in.p.shape) {
    for (int64_t o = 0; o < s_.outputs; ++o) {
      for (int p = 0; p < 16; ++p) add_weights(o, p);
    }
  }

  /// Results before they are rounded, [pixel][output].
  std::vector<float> results() const {
    std::vector<float> results(size(s_.pixels() * s_.outputs));
    for (int64_t n = 0; n < s_.batch; ++n) {
      for (int64_t y = 0; y < s_.out_height(); y += 2) {
        for (int64_t x = 0; x < s_.out_width(); x += 2) {
          const std::vector<int> values = patch_values(n, y, x);
          for (int64_t o = 0; o < s_.outputs; ++o) add_tile(n, y, x, o, values, results);
        }
      }
    }
    return results;
  }

  float value_scale(int p) const {
    const float inverse = in_.position_inverse_scale[size(p)];
    return in_.p.src == DType::u8 ? 32768.0f / static_cast<float>(multiplier(inverse))
                                  : 1.0f / inverse;
  }

  static int multiplier(float inverse) {
    return static_cast<int>(std::clamp(std::nearbyint(inverse * 32768), 1.0f, 32767.0f));
  }

 private:
  void add_weights(int64_t o, int p) {
    constexpr double kG[4][3] = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}};
    std::vector<float> u(size(s_.inputs()));
    float largest = 0;
    for (int64_t i = 0; i < s_.inputs(); ++i) {
      double sum = 0;
      for (int y = 0; y < 3; ++y) {
        for (int x = 0; x < 3; ++x) {
          sum += kG[p / 4][y] * in_.weights[size((o * s_.inputs() + i) * 9 + y * 3 + x)] *
                 kG[p % 4][x];
        }
      }
      u[size(i)] = static_cast<float>(sum);
      largest = std::max(largest, std::abs(u[size(i)]));
    }
    const float inverse = largest == 0 ? 0 : 127 / largest;
    for (const float value : u)
      weights_.push_back(static_cast<int>(std::nearbyint(value * inverse)));
    scales_.push_back(in_.weight_scales[size(o)] * (largest / 127));
  }

  /// Where a pixel of the (enlarged) picture begins, or -1 outside of it.
  int64_t pixel_at(int64_t n, int64_t y, int64_t x) const {
    if (y < 0 || y >= s_.in_height() || x < 0 || x >= s_.in_width()) return -1;
    const int64_t scale = s_.upsample2x ? 2 : 1;
    return (n * s_.height + y / scale) * s_.width + x / scale;
  }

  template <typename T>
  T element(const std::vector<T>& src, const std::vector<T>& src2, int64_t pixel, int64_t i) const {
    return i < s_.channels ? src[size(pixel * in_.src_stride + i)]
                           : src2[size(pixel * in_.src2_stride + i - s_.channels)];
  }

  /// Quantised values of the patch of the tile at output (y, x): [position][input].
  std::vector<int> patch_values(int64_t n, int64_t y, int64_t x) const {
    std::vector<int> values(size(16 * s_.inputs()));
    for (int64_t i = 0; i < s_.inputs(); ++i) {
      Patch<float> floats = {};
      Patch<int> ints = {};
      for (int p = 0; p < 16; ++p) {
        const int64_t pixel = pixel_at(n, y - s_.pad_top + p / 4, x - s_.pad_left + p % 4);
        if (pixel < 0) continue;
        floats[size(p / 4)][size(p % 4)] = bf16_to_f32(element(in_.src, in_.src2, pixel, i));
        ints[size(p / 4)][size(p % 4)] =
            element(in_.src_u8, in_.src2_u8, pixel, i) - in_.p.zero_point;
      }
      floats = transformed_patch(floats);
      ints = transformed_patch(ints);
      for (int p = 0; p < 16; ++p) {
        const auto py = size(p / 4), px = size(p % 4);
        values[size(p * s_.inputs() + i)] =
            in_.p.src == DType::u8 ? quantised(ints[py][px], p) : quantised(floats[py][px], i, p);
      }
    }
    return values;
  }

  int quantised(int v, int p) const {
    const double product = v * multiplier(in_.position_inverse_scale[size(p)]);
    return static_cast<int>(std::clamp(std::floor(product / 32768 + 0.5), -127.0, 127.0));
  }

  int quantised(float v, int64_t i, int p) const {
    const float t = v * in_.inverse_scale[size(i)];
    const float x = t * in_.position_inverse_scale[size(p)];
    return std::isnan(x) ? 0 : static_cast<int>(std::clamp(std::nearbyint(x), -127.0f, 127.0f));
  }

  void add_tile(int64_t n, int64_t y, int64_t x, int64_t o, const std::vector<int>& values,
                std::vector<float>& results) const {
    float s[4][4], columns[2][4], tile[2][2];
    for (int p = 0; p < 16; ++p) {
      int64_t sum = 0;
      for (int64_t i = 0; i < s_.inputs(); ++i) {
        sum += int64_t{values[size(p * s_.inputs() + i)]} *
               weights_[size((o * 16 + p) * s_.inputs() + i)];
      }
      const float scale = scales_[size(o * 16 + p)] * value_scale(p);
      s[p / 4][p % 4] = static_cast<float>(sum) * scale;
    }
    for (int c = 0; c < 4; ++c) {
      columns[0][c] = (s[0][c] + s[1][c]) + s[2][c];
      columns[1][c] = (s[1][c] - s[2][c]) - s[3][c];
    }
    for (int l = 0; l < 2; ++l) {
      tile[l][0] = (columns[l][0] + columns[l][1]) + columns[l][2];
      tile[l][1] = (columns[l][1] - columns[l][2]) - columns[l][3];
    }
    for (int64_t p = 0; p < 4; ++p) {
      if (y + p / 2 >= s_.out_height() || x + p % 2 >= s_.out_width()) continue;
      const int64_t pixel = (n * s_.out_height() + y + p / 2) * s_.out_width() + x + p % 2;
      results[size(pixel * s_.outputs + o)] = finished(tile[p / 2][p % 2], n, pixel, o);
    }
  }

  float finished(float sum, int64_t n, int64_t pixel, int64_t o) const {
    const Problem& p = in_.p;
    float bias = in_.bias[size(o)];
    if (p.image_add) bias += in_.image_add[size(n * s_.outputs + o)];
    const float residual =
        p.residual ? bf16_to_f32(in_.residual[size(pixel * in_.residual_stride + o)]) : 0.0f;
    const auto activated = [&](float v) {
      return p.activation == Activation::relu ? std::max(v, 0.0f) : v;
    };
    if (!p.residual) return activated(sum + bias);
    if (p.after_residual) return activated(sum + bias + residual);
    return activated(sum + bias) + residual;
  }

  const Inputs& in_;
  const ConvShape& s_;
  std::vector<int> weights_;   // [output][position][input]
  std::vector<float> scales_;  // [output][position]
};

// ---- Running a row ----

constexpr uint8_t kUntouched = 0x43;

/// Bytes of dst; weights are packed in two parts.
std::vector<uint8_t> run(const Int8MatrixRow& row, const Inputs& in,
                         const std::vector<GemmRange>& ranges) {
  const Int8Weights weights = in.weights_view();
  AlignedBuffer packed(row.packed_bytes(row, weights));
  row.pack(row, weights, false, 1, row.panels(in.p.shape.outputs), packed.data());
  row.pack(row, weights, false, 0, 1, packed.data());
  std::vector<uint8_t> dst(size(in.p.shape.pixels() * in.dst_stride) * size_of(in.p.dst),
                           kUntouched);
  const Int8MatrixArgs args = in.args(packed.data(), dst.data());
  AlignedBuffer scratch(row.scratch_bytes(row, args));
  for (const GemmRange& range : ranges) row.run(row, args, range, scratch.data());
  return dst;
}

GemmRange whole(const Int8MatrixRow& row, const Problem& p) {
  return {0, row.units(p.shape), 0, row.panels(p.shape.outputs)};
}

std::vector<const Int8MatrixRow*> rows_for(const ConvShape& shape) {
  return int8_rows_for(shape, Int8Method::winograd);
}

std::vector<uint8_t> stored(const Inputs& in, const std::vector<float>& results) {
  const Problem& p = in.p;
  std::vector<uint8_t> dst(size(p.shape.pixels() * in.dst_stride) * size_of(p.dst), kUntouched);
  for (int64_t i = 0; i < p.shape.pixels() * p.shape.outputs; ++i) {
    const int64_t o = i % p.shape.outputs;
    const float value = results[size(i)];
    uint8_t* to = dst.data() + size(i / p.shape.outputs * in.dst_stride + o) * size_of(p.dst);
    if (p.dst == DType::f32) {
      std::memcpy(to, &value, sizeof(value));
    } else if (p.dst == DType::bf16) {
      const uint16_t bits = f32_to_bf16(value);
      std::memcpy(to, &bits, sizeof(bits));
    } else {
      const float t = std::nearbyint(value * in.dst_inverse_scale[size(o)]);
      *to = static_cast<uint8_t>(std::clamp(t + 117, 0.0f, 255.0f));
    }
  }
  return dst;
}

std::string described(const Problem& p) {
  const ConvShape& s = p.shape;
  return std::to_string(s.batch) + "x" + std::to_string(s.height) + "x" + std::to_string(s.width) +
         " channels " + std::to_string(s.channels) + "+" + std::to_string(s.channels2) + " -> " +
         std::to_string(s.outputs) + (p.src == DType::u8 ? " u8" : " bf16");
}

void expect_exact(const Inputs& in) {
  const std::vector<uint8_t> expected = stored(in, Reference(in).results());
  for (const Int8MatrixRow* row : rows_for(in.p.shape)) {
    const std::vector<uint8_t> found = run(*row, in, {whole(*row, in.p)});
    const auto at = std::ranges::mismatch(found, expected).in1 - found.begin();
    const int64_t element = at / static_cast<int64_t>(size_of(in.p.dst));
    EXPECT_TRUE(found == expected)
        << row->name << " " << described(in.p) << ", first at pixel " << element / in.dst_stride
        << " output " << element % in.dst_stride;
  }
}

/// From both types of pixels.
void expect_exact(Problem p) {
  for (const DType src : {DType::u8, DType::bf16}) {
    p.src = src;
    expect_exact(Inputs(p));
  }
}

ConvShape conv3x3(int64_t height, int64_t width, int64_t inputs, int64_t outputs) {
  return {.height = height,
          .width = width,
          .channels = inputs,
          .outputs = outputs,
          .kernel_height = 3,
          .kernel_width = 3,
          .pad_top = 1,
          .pad_left = 1,
          .pad_bottom = 1,
          .pad_right = 1};
}

ConvShape enlarged3x3(int64_t height, int64_t width, int64_t inputs, int64_t outputs) {
  ConvShape s = conv3x3(height, width, inputs, outputs);
  s.upsample2x = true;
  return s;
}

// ---- What rows give ----

TEST(WinogradInt8, ResultsAreThoseOfTheContractOverOddPictures) {
  for (const int64_t height : {1, 2, 5, 8}) {
    for (const int64_t width : {1, 3, 8, 23}) {
      expect_exact({.shape = conv3x3(height, width, 20, 35)});
    }
  }
}

TEST(WinogradInt8, ResultsAreThoseOfTheContractAroundVectorAndPanelEdges) {
  for (const int64_t inputs : {4, 12, 16, 28, 32, 36, 60, 64, 68, 84, 128, 148}) {
    expect_exact({.shape = conv3x3(3, 4, inputs, 33)});
  }
  for (const int64_t outputs : {1, 15, 16, 17, 31, 32, 33, 64, 70}) {
    expect_exact({.shape = conv3x3(4, 5, 24, outputs)});
  }
}

TEST(WinogradInt8, APictureOfSeveralBlocksOfTilesIsWhole) {
  expect_exact({.shape = conv3x3(22, 27, 24, 33), .dst = DType::bf16, .residual = true});
  expect_exact({.shape = enlarged3x3(12, 13, 16, 20)});
}

TEST(WinogradInt8, PanelsTooLargeForTheCacheGoPositionByPosition) {
  expect_exact({.shape = conv3x3(5, 7, 832, 33)});
  expect_exact({.shape = enlarged3x3(3, 4, 1408, 3)});
}

TEST(WinogradInt8, TwoSourcesLieSideBySide) {
  for (const auto& [first, second] :
       {std::pair(64, 32), std::pair(20, 76), std::pair(4, 4), std::pair(128, 68)}) {
    ConvShape two = conv3x3(6, 7, first, 40);
    two.channels2 = second;
    expect_exact({.shape = two, .residual = true});
    two.upsample2x = true;
    expect_exact({.shape = two});
  }
}

TEST(WinogradInt8, EnlargesInAndOutOfPhasePadsAndBatches) {
  ConvShape enlarged = enlarged3x3(3, 5, 16, 20);
  expect_exact({.shape = enlarged});
  enlarged.batch = 2;
  enlarged.channels2 = 4;
  enlarged.pad_bottom = enlarged.pad_right = 0;  // lines and columns odd in number
  expect_exact({.shape = enlarged, .image_add = true});
  enlarged.pad_top = 0;  // out of phase
  expect_exact({.shape = enlarged});
  ConvShape batch = conv3x3(5, 4, 16, 20);
  batch.batch = 3;
  batch.pad_left = 0;
  expect_exact({.shape = batch, .image_add = true});
}

TEST(WinogradInt8, ResultsOfEveryTypeFollowTheEpilogue) {
  for (const DType dst : {DType::f32, DType::bf16, DType::u8}) {
    for (const Activation activation : {Activation::none, Activation::relu}) {
      for (const bool after : {false, true}) {
        expect_exact({.shape = conv3x3(4, 6, 16, 40),
                      .dst = dst,
                      .activation = activation,
                      .image_add = after,
                      .residual = true,
                      .after_residual = after});
      }
      expect_exact({.shape = conv3x3(4, 6, 16, 64), .dst = dst, .activation = activation});
    }
  }
}

TEST(WinogradInt8, ExtremePixelsAndWeightsStayExact) {
  for (const int zero_point : {0, 128, 255}) {
    for (const int weight : {-128, 127}) {
      for (const int pattern : {0, 1, 2}) {  // lowest, highest, one after the other
        Inputs in({.shape = conv3x3(4, 5, 260, 33), .zero_point = zero_point});
        for (size_t i = 0; i < in.src_u8.size(); ++i) {
          in.src_u8[i] = pattern == 0 || (pattern == 2 && i % 2 == 0) ? 0 : 255;
        }
        std::ranges::fill(in.weights, static_cast<int8_t>(weight));
        expect_exact(in);
      }
    }
  }
}

TEST(WinogradInt8, ValuesBeyondTheirRangeAreClipped) {
  for (const DType src : {DType::u8, DType::bf16}) {
    for (const float inverse_scale : {0.01f, 1.0f, 3.0f, 1e6f}) {
      Inputs in({.shape = conv3x3(4, 5, 36, 33), .src = src});
      std::ranges::fill(in.position_inverse_scale, inverse_scale);
      expect_exact(in);
    }
  }
}

TEST(WinogradInt8, FloatsThatAreNoNumbersCountAsZeroOrAreClipped) {
  Inputs in({.shape = conv3x3(4, 5, 36, 33), .src = DType::bf16});
  in.src[5] = 0x7fc0;                             // NaN
  in.src[size(3 * in.src_stride + 20)] = 0x7f80;  // infinity
  in.src[size(4 * in.src_stride + 20)] = 0xff80;  // minus infinity
  in.src[size(8 * in.src_stride + 35)] = 0x7f7f;  // the largest
  in.src[size(8 * in.src_stride + 34)] = 0xff7f;  // the lowest
  expect_exact(in);
}

TEST(WinogradInt8, AnOutputWithoutWeightsIsItsBias) {
  Inputs in({.shape = conv3x3(4, 5, 36, 33)});
  std::fill_n(in.weights.begin(), 9 * 36, int8_t{0});
  expect_exact(in);
}

TEST(WinogradInt8, ResultsDoNotDependOnTheSplit) {
  for (const DType src : {DType::u8, DType::bf16}) {
    const Problem p = {.shape = conv3x3(13, 34, 64, 100), .src = src, .residual = true};
    const Inputs in(p);
    for (const Int8MatrixRow* row : rows_for(p.shape)) {
      const GemmRange all = whole(*row, p);
      const int64_t middle = all.row_end / 3 + 1;
      EXPECT_TRUE(run(*row, in, {all}) == run(*row, in,
                                              {{0, middle, 0, 1},
                                               {0, middle, 1, all.panel_end},
                                               {middle, all.row_end, 0, 2},
                                               {middle, all.row_end, 2, all.panel_end}}))
          << row->name;
    }
  }
}

TEST(WinogradInt8, TakesConvolutionsOfStrideOneInGroupsOfFourChannels) {
  const auto taken = [](const ConvShape& s) {
    const bool has_rows = !rows_for(s).empty();
    EXPECT_EQ(has_rows, int8_matrix_takes(s, Int8Method::winograd));
    return has_rows;
  };
  EXPECT_TRUE(taken(conv3x3(8, 8, 4, 3)));
  EXPECT_FALSE(taken(conv3x3(8, 8, 6, 3)));
  ConvShape strided = conv3x3(8, 8, 16, 16);
  strided.stride = 2;
  EXPECT_FALSE(taken(strided));
  ConvShape pointwise = conv3x3(8, 8, 16, 16);
  pointwise.kernel_height = pointwise.kernel_width = 1;
  EXPECT_FALSE(taken(pointwise));
}

TEST(WinogradInt8, AnEnlargedPictureIsMultipliedAsTheSmallOneItComesFrom) {
  const std::string name =
      select_int8_matrix(test_isa(), enlarged3x3(16, 16, 640, 640), Int8Method::winograd).name;
  EXPECT_NE(name.find("enlarged"), std::string::npos) << name;
}

// ---- How near that is to floats ----

TEST(WinogradInt8, ValuesOfU8PixelsAreTheNearestOnes) {
  for (const float inverse_scale : {0.1245f, 0.3f, 0.77f, 0.9999f}) {
    const int multiplier = Reference::multiplier(inverse_scale);
    for (int v = -1020; v <= 1020; ++v) {
      const double exact = static_cast<double>(inverse_scale) * v;
      if (std::abs(exact) > 127) continue;
      const double q = std::floor(static_cast<double>(v * multiplier) / 32768 + 0.5);
      EXPECT_LE(std::abs(q - exact), 0.5 + 1020 * 0x1p-16) << v;
    }
  }
}

/// Gaussian pixels and weights, quantised by their largest values, positions by theirs.
struct GaussianLayer {
  Inputs in;
  std::vector<float> pixels, weights;

  explicit GaussianLayer(DType src) : in({.shape = conv3x3(16, 16, 64, 32), .src = src}) {
    const ConvShape& s = in.p.shape;
    std::mt19937 bits(1);
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < s.pixels() * s.channels; ++i) pixels.push_back(normal(bits));
    for (size_t i = 0; i < in.weights.size(); ++i) weights.push_back(normal(bits) / 24);
    const float scale = largest(pixels) / 127;
    in.p.zero_point = 128;
    std::ranges::fill(in.inverse_scale, 1 / scale);
    for (int64_t i = 0; i < s.pixels() * s.channels; ++i) {
      const auto to = size(i / s.channels * in.src_stride + i % s.channels);
      in.src[to] = f32_to_bf16(pixels[size(i)]);
      in.src_u8[to] = static_cast<uint8_t>(128 + std::nearbyint(pixels[size(i)] / scale));
    }
    const float weight_scale = largest(weights) / 127;
    std::ranges::fill(in.weight_scales, weight_scale * scale);
    for (size_t i = 0; i < weights.size(); ++i) {
      in.weights[i] = static_cast<int8_t>(std::nearbyint(weights[i] / weight_scale));
    }
    std::ranges::fill(in.bias, 0.0f);
    set_position_scales();
  }

  static float largest(const std::vector<float>& values) {
    return std::abs(*std::ranges::max_element(values, {}, [](float v) { return std::abs(v); }));
  }

  float pixel(int64_t y, int64_t x, int64_t i) const {
    const ConvShape& s = in.p.shape;
    if (y < 0 || y >= s.height || x < 0 || x >= s.width) return 0;
    return pixels[size((y * s.width + x) * s.channels + i)];
  }

  void set_position_scales() {
    const ConvShape& s = in.p.shape;
    Patch<float> most = {};
    for (int64_t t = 0; t < s.pixels() / 4; ++t) {
      for (int64_t i = 0; i < s.channels; ++i) {
        Patch<float> d;
        for (int64_t p = 0; p < 16; ++p) {
          d[size(p / 4)][size(p % 4)] =
              pixel(t / (s.width / 2) * 2 + p / 4 - 1, t % (s.width / 2) * 2 + p % 4 - 1, i) *
              in.inverse_scale[0];
        }
        d = transformed_patch(d);
        for (size_t p = 0; p < 16; ++p) {
          most[p / 4][p % 4] = std::max(most[p / 4][p % 4], std::abs(d[p / 4][p % 4]));
        }
      }
    }
    for (size_t p = 0; p < 16; ++p) in.position_inverse_scale[p] = 127 / most[p / 4][p % 4];
  }

  double exact(int64_t pixel_index, int64_t o) const {
    const ConvShape& s = in.p.shape;
    double sum = 0;
    for (int64_t t = 0; t < 9; ++t) {
      const int64_t y = pixel_index / s.width + t / 3 - 1, x = pixel_index % s.width + t % 3 - 1;
      for (int64_t i = 0; i < s.channels; ++i) {
        sum += static_cast<double>(pixel(y, x, i)) *
               static_cast<double>(weights[size((o * s.channels + i) * 9 + t)]);
      }
    }
    return sum;
  }
};

TEST(WinogradInt8, ResultsAreWithin30DecibelsOfTheFloatConvolution) {
  for (const DType src : {DType::u8, DType::bf16}) {
    const GaussianLayer layer(src);
    const ConvShape& s = layer.in.p.shape;
    const std::vector<float> found = Reference(layer.in).results();
    double signal = 0, noise = 0;
    for (int64_t i = 0; i < s.pixels() * s.outputs; ++i) {
      const double exact = layer.exact(i / s.outputs, i % s.outputs);
      signal += exact * exact;
      noise += (found[size(i)] - exact) * (found[size(i)] - exact);
    }
    EXPECT_GT(10 * std::log10(signal / noise), 30) << (src == DType::u8 ? "u8" : "bf16");
    expect_exact(layer.in);
  }
}

}  // namespace
}  // namespace edgefusion::kernels
