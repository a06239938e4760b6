#include "kernels/conv/conv.h"

#include <gtest/gtest.h>

#include "kernels/activation.h"
#include "kernels/gemm/gemm_test_data.h"

namespace edgefusion::kernels {
namespace {

struct Problem {
  ConvShape shape;
  Activation activation = Activation::none;
  bool residual = false;
  bool activation_after_residual = false;
};

struct Inputs {
  Problem problem;
  StoredWeights weights;
  std::vector<float> src, src2, bias, residual;
  int64_t src_stride, src2_stride, dst_stride, residual_stride;

  Inputs(const Problem& p, DType dtype)
      : problem(p),
        weights(dtype, p.shape.outputs, p.shape.inputs(), p.shape.taps(), 1),
        src_stride(p.shape.channels + 3),
        src2_stride(p.shape.channels2 + 1),
        dst_stride(p.shape.outputs + 5),
        residual_stride(p.shape.outputs + 2) {
    const int64_t pixels = p.shape.batch * p.shape.height * p.shape.width;
    src = random_values(static_cast<size_t>(pixels * src_stride), 2);
    src2 = random_values(static_cast<size_t>(pixels * src2_stride), 3);
    bias = random_values(static_cast<size_t>(p.shape.outputs), 4);
    residual = random_values(static_cast<size_t>(p.shape.pixels() * residual_stride), 5);
  }

  /// The enlarged and joined picture's value, zero outside of it.
  double input(int64_t n, int64_t y, int64_t x, int64_t i) const {
    const ConvShape& s = problem.shape;
    if (y < 0 || y >= s.in_height() || x < 0 || x >= s.in_width()) return 0;
    const int64_t scale = s.upsample2x ? 2 : 1;
    const int64_t pixel = (n * s.height + y / scale) * s.width + x / scale;
    if (i < s.channels) return src[pixel * src_stride + i];
    return src2[pixel * src2_stride + i - s.channels];
  }
};

constexpr float kUntouched = -12345.0f;

std::vector<float> run(const ConvRow& row, const Inputs& in, const std::vector<GemmRange>& ranges) {
  const Problem& p = in.problem;
  std::vector<float> dst(static_cast<size_t>(p.shape.pixels() * in.dst_stride), kUntouched);
  AlignedBuffer packed = pack_for(row.layout(), in.weights.view);
  ConvArgs args;
  args.shape = p.shape;
  args.src = in.src.data();
  args.src_stride = in.src_stride;
  args.src2 = in.src2.data();
  args.src2_stride = in.src2_stride;
  args.packed_weights = packed.data();
  args.dst = dst.data();
  args.dst_stride = in.dst_stride;
  args.epilogue.bias = in.bias.data();
  args.epilogue.activation = p.activation;
  args.epilogue.activation_after_residual = p.activation_after_residual;
  args.epilogue.residual = p.residual ? in.residual.data() : nullptr;
  args.epilogue.residual_stride = in.residual_stride;
  AlignedBuffer scratch(row.scratch_bytes(p.shape));
  for (const GemmRange& range : ranges) row.run(args, range, scratch.data());
  return dst;
}

GemmRange whole(const ConvRow& row, const ConvShape& shape) {
  return {0, shape.pixels(), 0, row.layout().panels(shape.outputs)};
}

std::vector<const ConvRow*> usable_rows() {
  std::vector<const ConvRow*> rows;
  for (const ConvRow& row : conv_table()) {
    if (test_isa().contains(row.needs)) rows.push_back(&row);
  }
  return rows;
}

struct ExactSum {
  double value = 0, magnitude = 0;
};

ExactSum exact_sum(const Inputs& in, int64_t pixel, int64_t o) {
  const ConvShape& s = in.problem.shape;
  const int64_t x = pixel % s.out_width(), y = pixel / s.out_width() % s.out_height();
  const int64_t n = pixel / (s.out_width() * s.out_height());
  ExactSum sum{in.bias[o], std::abs(in.bias[o])};
  for (int64_t i = 0; i < s.inputs(); ++i) {
    for (int64_t tap = 0; tap < s.taps(); ++tap) {
      const int64_t in_y = y * s.stride - s.pad_top + tap / s.kernel_width;
      const int64_t in_x = x * s.stride - s.pad_left + tap % s.kernel_width;
      const double product =
          in.input(n, in_y, in_x, i) * in.weights.values[(o * s.inputs() + i) * s.taps() + tap];
      sum.value += product;
      sum.magnitude += std::abs(product);
    }
  }
  return sum;
}

void expect_matches_formula(const ConvRow& row, const Problem& p) {
  const ConvShape& s = p.shape;
  SCOPED_TRACE(row.name + " " + std::to_string(s.height) + "x" + std::to_string(s.width) + "x" +
               std::to_string(s.channels) + "+" + std::to_string(s.channels2) + " kernel " +
               std::to_string(s.kernel_height) + "x" + std::to_string(s.kernel_width) + " to " +
               std::to_string(s.outputs));
  const Inputs in(p, row.types.weights);
  const std::vector<float> dst = run(row, in, {whole(row, s)});
  const int64_t terms = s.taps() * s.inputs();
  int wrong = 0;
  for (int64_t pixel = 0; pixel < s.pixels(); ++pixel) {
    for (int64_t o = 0; o < s.outputs; ++o) {
      const ExactSum sum = exact_sum(in, pixel, o);
      const double residual = p.residual ? in.residual[pixel * in.residual_stride + o] : 0;
      const double inner = p.activation_after_residual ? sum.value + residual : sum.value;
      const double expected = activate(p.activation, static_cast<float>(inner)) +
                              (p.activation_after_residual ? 0 : residual);
      const double error = std::abs(dst[pixel * in.dst_stride + o] - expected);
      wrong += !(error <= kMaxSlope * sum_tolerance(terms, sum.magnitude + std::abs(residual)));
    }
    for (int64_t o = s.outputs; o < in.dst_stride; ++o) {
      EXPECT_EQ(dst[pixel * in.dst_stride + o], kUntouched) << "wrote beyond the last channel";
    }
  }
  EXPECT_EQ(wrong, 0) << "elements beyond the tolerance";
}

ConvShape picture(int64_t height, int64_t width, int64_t channels, int64_t outputs) {
  ConvShape s;
  s.height = height;
  s.width = width;
  s.channels = channels;
  s.outputs = outputs;
  return s;
}

ConvShape with_kernel(ConvShape s, int64_t kernel, int64_t padding) {
  s.kernel_height = s.kernel_width = kernel;
  s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = padding;
  return s;
}

TEST(Conv, MatchesTheFormulaForAllChannelCountsAroundTheTile) {
  for (const ConvRow* row : usable_rows()) {
    for (const int64_t channels : {1, 3, 4, 33}) {
      for (const int64_t delta : {-1, 0, 1}) {
        const ConvShape s = picture(5, 7, channels, row->tile.columns + delta);
        expect_matches_formula(*row, {with_kernel(s, 3, 1)});
        expect_matches_formula(*row, {with_kernel(s, 1, 0)});
      }
    }
  }
}

TEST(Conv, MatchesTheFormulaForAFewOutputs) {
  for (const ConvRow* row : usable_rows()) {
    for (const int64_t outputs : {1, 2, 3, 4, 5}) {
      for (const int64_t channels : {1, 4, 20, 64}) {
        ConvShape s = with_kernel(picture(6, 5, channels, outputs), 3, 1);
        expect_matches_formula(*row, {s});
        s.channels2 = 5;
        expect_matches_formula(*row, {s, Activation::tanh, true});
      }
    }
  }
}

TEST(Conv, MatchesTheFormulaForEveryKernelSizeUpToFiveAndOblongOnes) {
  for (const ConvRow* row : usable_rows()) {
    for (const int64_t kernel : {1, 2, 3, 4, 5}) {
      expect_matches_formula(*row, {with_kernel(picture(6, 6, 4, 9), kernel, kernel / 2)});
    }
    ConvShape oblong = picture(6, 9, 5, 11);
    oblong.kernel_height = 1;
    oblong.kernel_width = 7;
    oblong.pad_left = oblong.pad_right = 3;
    expect_matches_formula(*row, {oblong});
  }
}

TEST(Conv, StridesByTwoWithEvenAndUnevenPadding) {
  for (const ConvRow* row : usable_rows()) {
    ConvShape even = with_kernel(picture(9, 8, 6, 10), 3, 1);
    even.stride = 2;
    expect_matches_formula(*row, {even});
    ConvShape uneven = with_kernel(picture(8, 10, 6, 10), 3, 0);
    uneven.stride = 2;
    uneven.pad_bottom = uneven.pad_right = 1;
    expect_matches_formula(*row, {uneven});
  }
}

TEST(Conv, ReadsAnEnlargedPictureThatDoesNotExist) {
  for (const ConvRow* row : usable_rows()) {
    ConvShape s = with_kernel(picture(5, 4, 7, 12), 3, 1);
    s.upsample2x = true;
    expect_matches_formula(*row, {s});
  }
}

TEST(Conv, ReadsChannelsOfTwoSourcesAsOnePicture) {
  for (const ConvRow* row : usable_rows()) {
    for (const int64_t kernel : {1, 3}) {
      ConvShape s = with_kernel(picture(5, 4, 20, row->tile.columns + 3), kernel, kernel / 2);
      s.channels2 = 9;
      expect_matches_formula(*row, {s});
      s.channels2 = 37;
      s.upsample2x = true;
      expect_matches_formula(*row, {s});
    }
  }
}

TEST(Conv, MatchesTheFormulaForSeveralPicturesAndDepthBlocks) {
  for (const ConvRow* row : usable_rows()) {
    ConvShape s = with_kernel(picture(6, 5, 130, 9), 3, 1);
    s.batch = 3;
    expect_matches_formula(*row, {s});
    s.channels = 325;
    s.channels2 = 323;
    s.batch = 1;
    expect_matches_formula(*row, {s});
    expect_matches_formula(*row, {with_kernel(picture(17, 17, 3, 5), 3, 1)});  // several row blocks
  }
}

TEST(Conv, AppliesActivationsBeforeOrAfterTheResidual) {
  for (const ConvRow* row : usable_rows()) {
    for (const bool after : {false, true}) {
      for (const bool residual : {false, true}) {
        for (const int64_t n : {row->tile.columns, row->tile.columns + 5}) {
          const ConvShape s = with_kernel(picture(5, 5, 40, n), 3, 1);
          expect_matches_formula(*row, {s, Activation::relu, residual, after});
          expect_matches_formula(*row, {s, Activation::silu, residual, after});
        }
      }
    }
  }
}

TEST(Conv, GivesTheSameBitsForEverySplit) {
  for (const ConvRow* row : usable_rows()) {
    SCOPED_TRACE(row->name);
    ConvShape s = with_kernel(picture(6, 7, 50, 2 * row->tile.columns + 2), 3, 1);
    s.channels2 = 21;
    s.batch = 2;
    const Inputs in({s, Activation::gelu, true}, row->types.weights);
    const std::vector<float> expected = run(*row, in, {whole(*row, s)});
    const int64_t panels = row->layout().panels(s.outputs), pixels = s.pixels();
    for (const int64_t m : {1, 12, 43, 83}) {
      for (int64_t n = 1; n < panels; ++n) {
        const std::vector<GemmRange> quarters = {
            {m, pixels, n, panels}, {0, m, 0, n}, {0, m, n, panels}, {m, pixels, 0, n}};
        EXPECT_EQ(run(*row, in, quarters), expected) << "split at " << m << ", " << n;
      }
    }
  }
}

TEST(Conv, KeepsNanInTheWindowThatSeesIt) {
  for (const ConvRow* row : usable_rows()) {
    const ConvShape s = with_kernel(picture(7, 7, 4, 6), 3, 1);
    Inputs in({s}, row->types.weights);
    in.src[(3 * 7 + 2) * in.src_stride + 1] = NAN;
    const std::vector<float> dst = run(*row, in, {whole(*row, s)});
    for (int64_t pixel = 0; pixel < s.pixels(); ++pixel) {
      const bool sees = std::abs(pixel / 7 - 3) <= 1 && std::abs(pixel % 7 - 2) <= 1;
      EXPECT_EQ(std::isnan(dst[pixel * in.dst_stride]), sees) << row->name << " pixel " << pixel;
    }
  }
}

TEST(Conv, IsAGemmWhenTheKernelIsOnePixel) {
  const IsaSet isa = test_isa();
  for (const DType weights : kWeightTypes) {
    const ConvRow& conv = select_conv(isa, {weights});
    const GemmRow& gemm = select_gemm(isa, {weights});
    const ConvShape s = picture(5, 6, 41, 35);
    const Inputs in({s}, weights);
    const std::vector<float> expected = run(conv, in, {whole(conv, s)});
    std::vector<float> dst(expected.size(), kUntouched);
    AlignedBuffer packed = pack_for(gemm.layout(), in.weights.view);
    GemmArgs args;
    args.src = in.src.data();
    args.src_stride = in.src_stride;
    args.packed_weights = packed.data();
    args.dst = dst.data();
    args.dst_stride = in.dst_stride;
    args.outputs = s.outputs;
    args.depth = s.channels;
    args.epilogue.bias = in.bias.data();
    AlignedBuffer scratch(gemm.scratch_bytes(args));
    gemm.run(args, {0, s.pixels(), 0, gemm.layout().panels(s.outputs)}, scratch.data());
    EXPECT_EQ(dst, expected);
  }
}

TEST(Conv, SelectsTheReferenceWithoutVectors) {
  for (const DType weights : kWeightTypes) {
    EXPECT_NE(select_conv({}, {weights}).name.find("scalar"), std::string::npos);
  }
}

}  // namespace
}  // namespace edgefusion::kernels
