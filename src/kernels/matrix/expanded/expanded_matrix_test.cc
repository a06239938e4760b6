#include "kernels/matrix/expanded/expanded_matrix.h"

#include <gtest/gtest.h>

#include "kernels/matrix/expanded/quantized_test_data.h"
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
  Activation activation = Activation::none;
  bool bias = true, image_add = false, residual = false, geglu = false;
  DType dst = DType::bf16;

  int64_t results() const { return geglu ? shape.outputs / 2 : shape.outputs; }
};

/// Activations of a problem; rows of all of them lie apart by odd gaps.
struct Inputs {
  Problem p;
  std::vector<uint16_t> src, src2, residual;
  std::vector<float> bias, image_add;
  int64_t src_stride, src2_stride, dst_stride, residual_stride;

  explicit Inputs(const Problem& problem)
      : p(problem),
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

  MatrixArgs args() const {
    MatrixArgs a;
    a.shape = p.shape;
    a.src = src.data();
    a.src_stride = src_stride;
    a.src2 = src2.data();
    a.src2_stride = src2_stride;
    a.dst_type = p.dst;
    a.dst_stride = dst_stride;
    a.epilogue = {.bias = p.bias ? bias.data() : nullptr,
                  .image_add = p.image_add ? image_add.data() : nullptr,
                  .activation = p.activation,
                  .geglu = p.geglu,
                  .residual = p.residual ? residual.data() : nullptr,
                  .residual_stride = residual_stride};
    return a;
  }

  /// Runs a row over those ranges.
  std::vector<uint16_t> run(const MatrixRow& row, MatrixArgs a,
                            const std::vector<GemmRange>& ranges) const {
    const size_t words = p.dst == DType::f32 ? 2 : 1;
    std::vector<uint16_t> dst(static_cast<size_t>(p.shape.pixels() * dst_stride) * words, 0x4321);
    a.dst = dst.data();
    AlignedBuffer scratch(row.scratch_bytes(row, p.shape));
    for (const GemmRange& range : ranges) row.run(row, a, range, scratch.data());
    return dst;
  }
};

GemmRange whole(const MatrixRow& row, const ConvShape& shape) {
  return {0, row.units(shape), 0, row.panels(shape.outputs)};
}

/// A panel kernel as a row of bf16 weights, and as one that expands them.
struct RowPair {
  MatrixRow direct, expanded;
};

std::vector<RowPair> row_pairs_for(const ConvShape& shape) {
  std::vector<RowPair> pairs;
  const auto add = [&](const PanelKernel& kernel) {
    pairs.push_back({direct_row(kernel), expanded_row(kernel)});
  };
  if (read_environment().isa.value_or("scalar") == "scalar") add(emulated_amx_kernel());
  for (const MatrixRow& row : expanded_matrix_table()) {
    if (test_isa().contains(row.needs) && row.takes(row, shape)) add(*row.panel);
  }
  return pairs;
}

std::vector<uint16_t> run_direct(const MatrixRow& row, const Inputs& in,
                                 const WeightsView& weights) {
  AlignedBuffer packed(row.packed_bytes(row, weights));
  row.pack(row, weights, in.p.geglu, 0, row.panels(weights.outputs), packed.data());
  MatrixArgs args = in.args();
  args.packed_weights = packed.data();
  return in.run(row, args, {whole(row, in.p.shape)});
}

std::vector<uint16_t> run_expanded(const MatrixRow& row, const Inputs& in,
                                   const QuantizedWeights& weights,
                                   const std::vector<GemmRange>& ranges) {
  AlignedBuffer packed(expanded_bytes(row, weights));
  pack_expanded(row, weights, in.p.geglu, 0, row.panels(weights.outputs), packed.data());
  MatrixArgs args = in.args();
  args.packed_weights = packed.data();
  args.format = weights.format;
  return in.run(row, args, ranges);
}

/// Scales of s8 are powers of two here: then the values are bf16, and it does not matter whether
/// products or sums are multiplied by them.
QuantizedData exact_weights(const WeightFormat& format, const ConvShape& s) {
  QuantizedData data(format, s.outputs, s.inputs(), s.taps(), 11);
  if (format.code == WeightCode::s8) data.round_scales_to_powers_of_two();
  return data;
}

void expect_equals_direct(const Problem& p, const WeightFormat& format) {
  const QuantizedData data = exact_weights(format, p.shape);
  const std::vector<float> values = data.values();
  const Inputs in(p);
  for (const RowPair& pair : row_pairs_for(p.shape)) {
    EXPECT_EQ(run_expanded(pair.expanded, in, data.view(), {whole(pair.expanded, p.shape)}),
              run_direct(pair.direct, in, data.float_view(values)))
        << pair.expanded.name << " " << to_string(format) << " pixels " << p.shape.pixels()
        << " inputs " << p.shape.inputs() << " outputs " << p.shape.outputs;
  }
}

void expect_all_equal_direct(const Problem& p) {
  for (const WeightFormat& format : test_formats()) {
    if (takes_format(format, p.shape.outputs, p.geglu)) expect_equals_direct(p, format);
  }
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

TEST(ExpandedMatrix, LinearEqualsBf16OnTheExpandedWeights) {
  for (const int64_t rows : {1, 12, 13, 193}) {
    for (const int64_t outputs : {1, 17, 33, 64}) {
      expect_all_equal_direct({.shape = linear_shape(rows, 66, outputs)});
    }
  }
  for (const int64_t inputs : {2, 32, 36, 96, 128, 224}) {
    expect_all_equal_direct({.shape = linear_shape(5, inputs, 40)});
  }
}

TEST(ExpandedMatrix, AFewOutputsEqualBf16OnTheExpandedWeights) {
  for (const int64_t outputs : {1, 4}) {
    expect_all_equal_direct({.shape = conv3x3(5, 7, 64, outputs), .dst = DType::f32});
  }
}

TEST(ExpandedMatrix, ADepthOfSeveralChunksIsExpandedInParts) {
  expect_all_equal_direct({.shape = linear_shape(14, 9216, 33)});
  ConvShape two = conv3x3(3, 5, 352, 40);
  two.channels2 = 128;
  expect_all_equal_direct({.shape = two, .residual = true});
}

TEST(ExpandedMatrix, ConvReadsTwoSourcesEnlargesStridesAndPads) {
  ConvShape two = conv3x3(6, 7, 32, 20);
  two.channels2 = 34;
  expect_all_equal_direct({.shape = two});
  ConvShape enlarged = conv3x3(3, 5, 16, 20);
  enlarged.upsample2x = true;
  enlarged.batch = 2;
  expect_all_equal_direct({.shape = enlarged, .image_add = true});
  ConvShape strided = conv3x3(8, 9, 16, 20);
  strided.stride = 2;
  expect_all_equal_direct({.shape = strided});
}

TEST(ExpandedMatrix, TheEpilogueIsThatOfBf16) {
  for (const Activation kind : {Activation::relu, Activation::silu, Activation::gelu,
                                Activation::gelu_tanh, Activation::quick_gelu}) {
    expect_all_equal_direct(
        {.shape = linear_shape(14, 32, 48), .activation = kind, .residual = true});
    expect_all_equal_direct(
        {.shape = linear_shape(14, 32, 18), .activation = kind, .bias = false, .dst = DType::f32});
  }
}

TEST(ExpandedMatrix, AGatedLayerMultipliesByTheGeluOfItsSecondHalf) {
  for (const int64_t outputs : {32, 96, 70}) {
    expect_all_equal_direct({.shape = linear_shape(25, 64, outputs), .geglu = true});
  }
}

TEST(ExpandedMatrix, SumsOfS8AreScaledOnceAndThenBiased) {
  const Problem p = {.shape = linear_shape(19, 320, 70), .dst = DType::f32};
  const QuantizedData data({.code = WeightCode::s8, .bits = 8}, 70, 320, 1, 11);
  const auto* scales = static_cast<const float*>(data.view().scales);
  const std::vector<float> ones(70, 1.0f);
  QuantizedWeights unscaled = data.view();
  unscaled.scales = ones.data();
  Problem bare = p;
  bare.bias = false;
  const Inputs in(p), in_bare(bare);
  for (const RowPair& pair : row_pairs_for(p.shape)) {
    const std::vector<GemmRange> ranges = {whole(pair.expanded, p.shape)};
    const std::vector<uint16_t> found = run_expanded(pair.expanded, in, data.view(), ranges);
    const std::vector<uint16_t> sums = run_expanded(pair.expanded, in_bare, unscaled, ranges);
    for (int64_t pixel = 0; pixel < 19; ++pixel) {
      for (int64_t o = 0; o < 70; ++o) {
        const auto at = static_cast<size_t>(pixel * in.dst_stride + o) * 2;
        float value, sum;
        std::memcpy(&value, &found[at], sizeof(value));
        std::memcpy(&sum, &sums[at], sizeof(sum));
        EXPECT_EQ(value, sum * scales[o] + in.bias[static_cast<size_t>(o)]) << pair.expanded.name;
      }
    }
  }
}

TEST(ExpandedMatrix, ResultsDoNotDependOnTheSplit) {
  const Problem p = {.shape = conv3x3(13, 16, 64, 100), .residual = true};
  const Inputs in(p);
  for (const WeightFormat& format : test_formats()) {
    const QuantizedData data(format, 100, 64, 9, 2);
    for (const RowPair& pair : row_pairs_for(p.shape)) {
      const GemmRange all = whole(pair.expanded, p.shape);
      const int64_t middle = all.row_end / 3 + 1;
      EXPECT_EQ(run_expanded(pair.expanded, in, data.view(), {all}),
                run_expanded(pair.expanded, in, data.view(),
                             {{0, 10, 0, all.panel_end},  // a few rows go their own way
                              {10, middle, 0, 1},
                              {10, middle, 1, all.panel_end},
                              {middle, all.row_end, 0, 2},
                              {middle, all.row_end, 2, all.panel_end}}))
          << pair.expanded.name << " " << to_string(format);
    }
  }
}

TEST(ExpandedMatrix, TheChoiceIsARowThatTheCpuCanRun) {
  for (const ConvShape& shape : {linear_shape(77, 768, 768), conv3x3(64, 64, 320, 4)}) {
    const MatrixRow& row = select_expanded_matrix(test_isa(), shape);
    EXPECT_TRUE(test_isa().contains(row.needs));
    EXPECT_TRUE(row.takes(row, shape));
  }
}

}  // namespace
}  // namespace edgefusion::kernels
