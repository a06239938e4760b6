#include "kernels/matrix/matrix.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/activation.h"
#include "kernels/gemm/gemm_test_data.h"
#include "kernels/matrix/matrix_test_rows.h"

namespace edgefusion::kernels {
namespace {

std::vector<uint16_t> random_bf16(size_t count, uint32_t seed) {
  const std::vector<float> values = random_values(count, seed);
  std::vector<uint16_t> bits(count);
  for (size_t i = 0; i < count; ++i) bits[i] = f32_to_bf16(values[i]);
  return bits;
}

struct Problem {
  ConvShape shape;
  DType weights = DType::bf16;
  Activation activation = Activation::none;
  bool bias = true, image_add = false, residual = false, after_residual = false, geglu = false;
  DType dst = DType::bf16;

  int64_t results() const { return geglu ? shape.outputs / 2 : shape.outputs; }
};

constexpr uint16_t kUntouched = 0x4321;

/// Inputs of a problem; rows of src, src2, dst and residual lie apart by odd gaps.
struct Inputs {
  Problem p;
  StoredWeights weights;
  std::vector<uint16_t> src, src2, residual;
  std::vector<float> bias, image_add;
  int64_t src_stride, src2_stride, dst_stride, residual_stride;

  explicit Inputs(const Problem& problem)
      : p(problem),
        weights(p.weights, p.shape.outputs, p.shape.inputs(), p.shape.taps(), 1),
        src_stride(p.shape.channels + 3),
        src2_stride(p.shape.channels2 + 1),
        dst_stride(p.results() + 5),
        residual_stride(p.results() + 1) {
    const auto pixels = static_cast<size_t>(p.shape.batch * p.shape.height * p.shape.width);
    src = random_bf16(pixels * static_cast<size_t>(src_stride), 2);
    src2 = random_bf16(pixels * static_cast<size_t>(src2_stride), 3);
    residual = random_bf16(static_cast<size_t>(p.shape.pixels() * residual_stride), 4);
    bias = random_values(static_cast<size_t>(p.shape.outputs), 5);
    image_add = random_values(static_cast<size_t>(p.shape.batch * p.shape.outputs), 6);
  }

  MatrixArgs args(const void* packed, void* dst) const {
    MatrixArgs a;
    a.shape = p.shape;
    a.src = src.data();
    a.src_stride = src_stride;
    a.src2 = src2.data();
    a.src2_stride = src2_stride;
    a.packed_weights = packed;
    a.dst = dst;
    a.dst_type = p.dst;
    a.dst_stride = dst_stride;
    a.epilogue = {.bias = p.bias ? bias.data() : nullptr,
                  .image_add = p.image_add ? image_add.data() : nullptr,
                  .activation = p.activation,
                  .activation_after_residual = p.after_residual,
                  .geglu = p.geglu,
                  .residual = p.residual ? residual.data() : nullptr,
                  .residual_stride = residual_stride};
    return a;
  }
};

std::vector<uint16_t> run(const MatrixRow& row, const Inputs& in,
                          const std::vector<GemmRange>& ranges) {
  AlignedBuffer packed(row.packed_bytes(row, in.weights.view));
  row.pack(row, in.weights.view, in.p.geglu, 0, row.panels(in.p.shape.outputs), packed.data());
  const size_t words = in.p.dst == DType::f32 ? 2 : 1;
  std::vector<uint16_t> dst(static_cast<size_t>(in.p.shape.pixels() * in.dst_stride) * words,
                            kUntouched);
  AlignedBuffer scratch(row.scratch_bytes(row, in.p.shape));
  const MatrixArgs args = in.args(packed.data(), dst.data());
  for (const GemmRange& range : ranges) row.run(row, args, range, scratch.data());
  return dst;
}

GemmRange whole(const MatrixRow& row, const Problem& p) {
  return {0, row.units(p.shape), 0, row.panels(p.shape.outputs)};
}

struct Sum {
  double value = 0, magnitude = 0;
};

/// The formula of the contract in double.
Sum exact_sum(const Inputs& in, int64_t pixel, int64_t output) {
  const ConvShape& s = in.p.shape;
  const int64_t x = pixel % s.out_width(), y = pixel / s.out_width() % s.out_height();
  const int64_t n = pixel / (s.out_width() * s.out_height());
  Sum sum;
  const auto add = [&](double value) {
    sum.value += value;
    sum.magnitude += std::abs(value);
  };
  if (in.p.bias) add(in.bias[static_cast<size_t>(output)]);
  if (in.p.image_add) add(in.image_add[static_cast<size_t>(n * s.outputs + output)]);
  for (int64_t tap = 0; tap < s.taps(); ++tap) {
    const int64_t in_y = y * s.stride - s.pad_top + tap / s.kernel_width;
    const int64_t in_x = x * s.stride - s.pad_left + tap % s.kernel_width;
    if (in_y < 0 || in_y >= s.in_height() || in_x < 0 || in_x >= s.in_width()) continue;
    const int64_t scale = s.upsample2x ? 2 : 1;
    const int64_t from = (n * s.height + in_y / scale) * s.width + in_x / scale;
    for (int64_t i = 0; i < s.inputs(); ++i) {
      const uint16_t bits =
          i < s.channels ? in.src[static_cast<size_t>(from * in.src_stride + i)]
                         : in.src2[static_cast<size_t>(from * in.src2_stride + i - s.channels)];
      const float weight =
          in.weights.values[static_cast<size_t>((output * s.inputs() + i) * s.taps() + tap)];
      add(static_cast<double>(bf16_to_f32(bits)) * bf16_to_f32(f32_to_bf16(weight)));
    }
  }
  return sum;
}

Sum exact_result(const Inputs& in, int64_t pixel, int64_t result) {
  Sum sum = exact_sum(in, pixel, result);
  if (in.p.geglu) {
    const Sum gate = exact_sum(in, pixel, in.p.results() + result);
    const double factor = activate(Activation::gelu, static_cast<float>(gate.value));
    sum.magnitude = sum.magnitude * std::abs(factor) + std::abs(sum.value) * gate.magnitude;
    sum.value *= factor;
  }
  const double residual =
      in.p.residual
          ? bf16_to_f32(in.residual[static_cast<size_t>(pixel * in.residual_stride + result)])
          : 0.0;
  if (in.p.after_residual) sum.value += residual;
  sum.value = activate(in.p.activation, static_cast<float>(sum.value));
  if (!in.p.after_residual) sum.value += residual;
  sum.magnitude += std::abs(residual);
  return sum;
}

/// Largest errors relative to the sum of magnitudes: rounding of f32 sums, and for Winograd of
/// transformed values and weights to bf16, which adds up as random errors do over the inputs:
/// 2^-9 each, of values that are larger by a factor; five standard deviations of what that gives.
double relative_bound(const MatrixRow& row, const ConvShape& s) {
  const double depth = static_cast<double>(s.taps() * s.inputs());
  double growth = 0;
  if (row.name.find("winograd2x2") != std::string::npos) growth = 8;
  if (row.name.find("winograd4x4") != std::string::npos) growth = 24;
  return depth * 0x1p-23 + 0x1p-9 * growth / std::sqrt(static_cast<double>(s.inputs()));
}

void expect_matches_formula(const MatrixRow& row, const Problem& p) {
  SCOPED_TRACE(row.name + " " + std::to_string(p.shape.batch) + "x" +
               std::to_string(p.shape.height) + "x" + std::to_string(p.shape.width) + " channels " +
               std::to_string(p.shape.channels) + "+" + std::to_string(p.shape.channels2) + " -> " +
               std::to_string(p.shape.outputs));
  const Inputs in(p);
  const std::vector<uint16_t> dst = run(row, in, {whole(row, p)});
  for (int64_t pixel = 0; pixel < p.shape.pixels(); ++pixel) {
    for (int64_t c = 0; c < in.dst_stride; ++c) {
      const auto at = static_cast<size_t>(pixel * in.dst_stride + c);
      if (c >= p.results()) {
        ASSERT_EQ(dst[p.dst == DType::f32 ? 2 * at : at], kUntouched) << pixel << " " << c;
        continue;
      }
      const Sum expected = exact_result(in, pixel, c);
      const double found =
          p.dst == DType::f32
              ? std::bit_cast<float>(static_cast<uint32_t>(dst[2 * at + 1]) << 16 | dst[2 * at])
              : bf16_to_f32(dst[at]);
      const double rounding = p.dst == DType::f32 ? 0 : std::abs(expected.value) * 0x1p-8;
      ASSERT_NEAR(found, expected.value,
                  expected.magnitude * relative_bound(row, p.shape) + rounding + 1e-5)
          << pixel << " " << c;
    }
  }
}

void expect_all_match(const Problem& p) {
  for (const MatrixRow* row : rows_for(p.shape)) expect_matches_formula(*row, p);
}

ConvShape linear_shape(int64_t rows, int64_t inputs, int64_t outputs) {
  return {.height = 1, .width = rows, .channels = inputs, .outputs = outputs};
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

TEST(Matrix, LinearMatchesTheFormulaAroundTileEdges) {
  for (const int64_t rows : {1, 11, 12, 13, 31, 32, 33, 193}) {
    for (const int64_t outputs : {1, 15, 16, 17, 32, 33, 70}) {
      expect_all_match({.shape = linear_shape(rows, 66, outputs)});
      expect_all_match({.shape = linear_shape(rows, 44, outputs)});
    }
  }
  for (const int64_t inputs : {2, 4, 30, 32, 34, 36, 64, 68}) {
    expect_all_match({.shape = linear_shape(13, inputs, 40)});
  }
}

TEST(Matrix, AFewOutputsMatchTheFormula) {
  for (const int64_t outputs : {1, 3, 4, 5}) {
    expect_all_match({.shape = conv3x3(5, 7, 64, outputs), .dst = DType::f32});
    expect_all_match({.shape = linear_shape(9, 96, outputs), .residual = true});
  }
}

TEST(Matrix, ADepthOfSeveralChunksIsSummedWhole) {
  expect_all_match({.shape = linear_shape(14, 9216, 33)});
  ConvShape two = conv3x3(5, 9, 352, 70);
  two.channels2 = 128;
  expect_all_match({.shape = two, .residual = true});
}

TEST(Matrix, WeightsOfAnyFileTypeAreRoundedToBf16) {
  for (const DType dtype : kWeightTypes) {
    expect_all_match({.shape = linear_shape(5, 64, 33), .weights = dtype});
  }
}

TEST(Matrix, Conv3x3MatchesTheFormulaOverOddPictures) {
  for (const int64_t height : {1, 2, 5, 8}) {
    for (const int64_t width : {1, 3, 8, 23}) {
      expect_all_match({.shape = conv3x3(height, width, 18, 35)});
    }
  }
}

TEST(Matrix, Conv3x3MatchesTheFormulaOverLargePictures) {
  expect_all_match({.shape = conv3x3(46, 47, 34, 33), .residual = true});
  ConvShape two = conv3x3(64, 33, 16, 20);
  two.channels2 = 18;
  expect_all_match({.shape = two, .activation = Activation::relu});
  ConvShape enlarged = conv3x3(23, 25, 16, 20);
  enlarged.upsample2x = true;
  expect_all_match({.shape = enlarged});
}

TEST(Matrix, ConvReadsTwoSourcesEnlargesStridesAndPads) {
  ConvShape two = conv3x3(6, 7, 32, 20);
  two.channels2 = 34;
  expect_all_match({.shape = two});
  ConvShape enlarged = conv3x3(3, 5, 16, 20);
  enlarged.upsample2x = true;
  expect_all_match({.shape = enlarged});
  enlarged.batch = 2;
  enlarged.channels2 = 2;
  enlarged.pad_bottom = enlarged.pad_right = 0;  // lines and columns odd in number
  expect_all_match({.shape = enlarged, .image_add = true});
  enlarged.pad_top = 0;  // out of phase
  expect_all_match({.shape = enlarged});
  ConvShape strided = conv3x3(8, 9, 16, 20);
  strided.stride = 2;
  expect_all_match({.shape = strided});
  strided.pad_top = strided.pad_left = 0;
  expect_all_match({.shape = strided});
  ConvShape batch = conv3x3(4, 4, 16, 20);
  batch.batch = 3;
  expect_all_match({.shape = batch, .image_add = true});
}

TEST(Matrix, TheEpilogueFollowsItsOrder) {
  for (const Activation kind :
       {Activation::none, Activation::relu, Activation::silu, Activation::gelu,
        Activation::gelu_tanh, Activation::quick_gelu, Activation::tanh, Activation::sigmoid}) {
    for (const bool after : {false, true}) {
      expect_all_match({.shape = conv3x3(4, 6, 16, 40),
                        .activation = kind,
                        .residual = true,
                        .after_residual = after});
    }
    expect_all_match(
        {.shape = linear_shape(14, 32, 18), .activation = kind, .bias = false, .dst = DType::f32});
  }
}

TEST(Matrix, AGatedLayerMultipliesByTheGeluOfItsSecondHalf) {
  for (const int64_t outputs : {2, 30, 32, 34, 64, 130}) {
    expect_all_match({.shape = linear_shape(25, 64, outputs), .geglu = true});
  }
  expect_all_match({.shape = linear_shape(25, 64, 70), .residual = true, .geglu = true});
}

TEST(Matrix, ResultsDoNotDependOnTheSplit) {
  const Problem p = {.shape = conv3x3(13, 16, 64, 100), .residual = true};
  for (const MatrixRow* row : rows_for(p.shape)) {
    const Inputs in(p);
    const GemmRange all = whole(*row, p);
    const int64_t middle = all.row_end / 3 + 1;
    const std::vector<uint16_t> once = run(*row, in, {all});
    EXPECT_EQ(once, run(*row, in,
                        {{0, middle, 0, 1},
                         {0, middle, 1, all.panel_end},
                         {middle, all.row_end, 0, 2},
                         {middle, all.row_end, 2, all.panel_end}}))
        << row->name;
  }
}

TEST(Matrix, NanAndInfinityPropagate) {
  const Problem p = {.shape = linear_shape(3, 32, 40), .bias = false, .dst = DType::f32};
  for (const MatrixRow* row : rows_for(p.shape)) {
    Inputs in(p);
    in.src[static_cast<size_t>(in.src_stride) + 5] = 0x7fc0;      // NaN
    in.src[static_cast<size_t>(2 * in.src_stride) + 5] = 0x7f80;  // infinity
    const std::vector<uint16_t> dst = run(*row, in, {whole(*row, p)});
    for (int64_t pixel = 0; pixel < 3; ++pixel) {
      for (int64_t c = 0; c < 40; ++c) {
        const auto at = 2 * static_cast<size_t>(pixel * in.dst_stride + c);
        const float value =
            std::bit_cast<float>(static_cast<uint32_t>(dst[at + 1]) << 16 | dst[at]);
        EXPECT_EQ(std::isfinite(value), pixel == 0) << row->name;
        EXPECT_EQ(std::isnan(value), pixel == 1) << row->name;
      }
    }
  }
}

#if defined(__x86_64__)
TEST(Matrix, TheMatrixUnitIsChosenForAllButAFewOutputs) {
  const IsaSet amx = IsaSet(Isa::sse4) | Isa::avx2 | Isa::avx512 | Isa::avx512_vnni |
                     Isa::avx512_bf16 | Isa::amx_bf16 | Isa::amx_int8;
  for (const ConvShape& shape :
       {linear_shape(77, 768, 768), linear_shape(4096, 320, 2560), conv3x3(64, 64, 320, 320),
        conv3x3(16, 16, 2560, 1280), conv3x3(512, 512, 64, 64)}) {
    EXPECT_EQ(select_matrix(amx, shape).name, "matrix_bf16_direct_32x32_amx_bf16");
  }
  EXPECT_EQ(select_matrix(amx, conv3x3(512, 512, 64, 3)).name,
            "matrix_bf16_direct_4x4_avx512_bf16");
}
#endif

TEST(Matrix, TheChoiceIsARowThatTheCpuCanRun) {
  for (const ConvShape& shape : {linear_shape(77, 768, 768), conv3x3(64, 64, 320, 320)}) {
    const MatrixRow& row = select_matrix(test_isa(), shape);
    EXPECT_TRUE(test_isa().contains(row.needs));
    EXPECT_TRUE(row.takes(row, shape));
  }
}

}  // namespace
}  // namespace edgefusion::kernels
