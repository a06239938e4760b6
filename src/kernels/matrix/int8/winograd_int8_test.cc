#include "kernels/matrix/int8/winograd_int8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/matrix/int8/int8_matrix_test_rows.h"
#include "kernels/matrix/int8/winograd_int8_test_data.h"
#include "kernels/matrix/int8/winograd_int8_test_reference.h"

namespace edgefusion::kernels {
namespace {

std::vector<const Int8MatrixRow*> rows_for(const ConvShape& shape) {
  return int8_rows_for(shape, Int8Method::winograd);
}

std::vector<uint8_t> stored(const WinogradInt8Inputs& in, const std::vector<float>& results) {
  const WinogradInt8Problem& p = in.p;
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

std::string described(const WinogradInt8Problem& p) {
  const ConvShape& s = p.shape;
  return std::to_string(s.batch) + "x" + std::to_string(s.height) + "x" + std::to_string(s.width) +
         " channels " + std::to_string(s.channels) + "+" + std::to_string(s.channels2) + " -> " +
         std::to_string(s.outputs) + (p.src == DType::u8 ? " u8" : " bf16");
}

void expect_exact(const WinogradInt8Inputs& in) {
  const std::vector<uint8_t> expected = stored(in, WinogradInt8Reference(in).results());
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
void expect_exact(WinogradInt8Problem p) {
  for (const DType src : {DType::u8, DType::bf16}) {
    p.src = src;
    expect_exact(WinogradInt8Inputs(p));
  }
}

ConvShape enlarged3x3(int64_t height, int64_t width, int64_t inputs, int64_t outputs) {
  ConvShape s = conv3x3(height, width, inputs, outputs);
  s.upsample2x = true;
  return s;
}

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
        WinogradInt8Inputs in({.shape = conv3x3(4, 5, 260, 33), .zero_point = zero_point});
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
      WinogradInt8Inputs in({.shape = conv3x3(4, 5, 36, 33), .src = src});
      std::ranges::fill(in.position_inverse_scale, inverse_scale);
      expect_exact(in);
    }
  }
}

TEST(WinogradInt8, FloatsThatAreNoNumbersCountAsZeroOrAreClipped) {
  WinogradInt8Inputs in({.shape = conv3x3(4, 5, 36, 33), .src = DType::bf16});
  in.src[5] = 0x7fc0;                             // NaN
  in.src[size(3 * in.src_stride + 20)] = 0x7f80;  // infinity
  in.src[size(4 * in.src_stride + 20)] = 0xff80;  // minus infinity
  in.src[size(8 * in.src_stride + 35)] = 0x7f7f;  // the largest
  in.src[size(8 * in.src_stride + 34)] = 0xff7f;  // the lowest
  expect_exact(in);
}

TEST(WinogradInt8, AnOutputWithoutWeightsIsItsBias) {
  WinogradInt8Inputs in({.shape = conv3x3(4, 5, 36, 33)});
  std::fill_n(in.weights.begin(), 9 * 36, int8_t{0});
  expect_exact(in);
}

TEST(WinogradInt8, ResultsDoNotDependOnTheSplit) {
  for (const DType src : {DType::u8, DType::bf16}) {
    const WinogradInt8Problem p = {.shape = conv3x3(13, 34, 64, 100), .src = src, .residual = true};
    const WinogradInt8Inputs in(p);
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

}  // namespace
}  // namespace edgefusion::kernels
