#include "kernels/matrix/int8/int8_matrix.h"

#include <gtest/gtest.h>

#include <cstring>

#include "kernels/matrix/int8/int8_matrix_test_data.h"
#include "kernels/matrix/int8/int8_matrix_test_rows.h"

namespace edgefusion::kernels {
namespace {

constexpr uint8_t kUntouched = 0x5a;

/// dst as bytes.
std::vector<uint8_t> run(const Int8MatrixRow& row, const Int8Inputs& in,
                         const std::vector<GemmRange>& ranges) {
  const Int8Weights weights = in.weights_view();
  AlignedBuffer packed(row.packed_bytes(row, weights));
  // In two calls, as threads would.
  const int64_t panels = row.panels(in.p.shape.outputs);
  row.pack(row, weights, in.p.geglu, panels / 2, panels, packed.data());
  row.pack(row, weights, in.p.geglu, 0, panels / 2, packed.data());
  std::vector<uint8_t> dst(
      static_cast<size_t>(in.p.shape.pixels() * in.dst_stride) * size_of(in.p.dst), kUntouched);
  const Int8MatrixArgs args = in.args(packed.data(), dst.data());
  AlignedBuffer scratch(row.scratch_bytes(row, args));
  for (const GemmRange& range : ranges) row.run(row, args, range, scratch.data());
  return dst;
}

GemmRange whole(const Int8MatrixRow& row, const Int8Problem& p) {
  return {0, row.units(p.shape), 0, row.panels(p.shape.outputs)};
}

/// A result as dst has it.
class Found {
 public:
  Found(DType type, const std::vector<uint8_t>& dst, int64_t at)
      : type_(type), bytes_(dst.data() + static_cast<size_t>(at) * size_of(type)) {}

  bool is_untouched() const {
    return std::all_of(bytes_, bytes_ + size_of(type_), [](uint8_t b) { return b == kUntouched; });
  }
  float f32() const { return read<float>(); }
  float bf16() const { return bf16_to_f32(read<uint16_t>()); }
  uint8_t u8() const { return *bytes_; }

 private:
  template <typename T>
  T read() const {
    T value;
    std::memcpy(&value, bytes_, sizeof(T));
    return value;
  }

  DType type_;
  const uint8_t* bytes_;
};

/// Activations with an exponential have 3e-4 of their argument for a result that is rounded, and
/// 1e-5 for one that is not (fast_activation-inl.h, activation-inl.h).
void expect_result(const Int8Problem& p, const Found& found, const Int8Reference& reference,
                   int64_t pixel, int64_t c) {
  const Int8Reference::Result expected = reference.result(pixel, c);
  const float slack = p.is_exact() ? 0 : 3e-4f * expected.magnitude;
  if (p.dst == DType::u8) {
    ASSERT_NEAR(found.u8(), reference.quantized_result(expected.value, c), p.is_exact() ? 0 : 1);
  } else if (p.dst == DType::bf16) {
    const float rounded = bf16_to_f32(f32_to_bf16(expected.value));
    const float step = p.is_exact() ? 0 : std::abs(rounded) * 0x1p-7f;
    ASSERT_NEAR(found.bf16(), rounded, slack + step);
  } else {
    ASSERT_NEAR(found.f32(), expected.value, slack / 30);
  }
}

void expect_matches_formula(const Int8MatrixRow& row, const Int8Inputs& in,
                            const Int8Reference& reference) {
  const Int8Problem& p = in.p;
  const std::vector<uint8_t> dst = run(row, in, {whole(row, p)});
  for (int64_t pixel = 0; pixel < p.shape.pixels(); ++pixel) {
    for (int64_t c = 0; c < in.dst_stride; ++c) {
      const Found found(p.dst, dst, pixel * in.dst_stride + c);
      SCOPED_TRACE("pixel " + std::to_string(pixel) + " result " + std::to_string(c));
      if (c < p.results()) {
        expect_result(p, found, reference, pixel, c);
      } else {
        ASSERT_TRUE(found.is_untouched());
      }
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

void expect_all_match(const Int8Problem& p) {
  ASSERT_TRUE(int8_matrix_takes(p.shape, Int8Method::direct));
  const Int8Inputs in(p);
  const Int8Reference reference(in);
  const auto rows = int8_rows_for(p.shape, Int8Method::direct);
  ASSERT_FALSE(rows.empty());
  for (const Int8MatrixRow* row : rows) {
    SCOPED_TRACE(row->name + " " + std::to_string(p.shape.batch) + "x" +
                 std::to_string(p.shape.height) + "x" + std::to_string(p.shape.width) +
                 " channels " + std::to_string(p.shape.channels) + "+" +
                 std::to_string(p.shape.channels2) + " -> " + std::to_string(p.shape.outputs));
    expect_matches_formula(*row, in, reference);
  }
}

constexpr DType kResultTypes[] = {DType::f32, DType::bf16, DType::u8};

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

TEST(Int8Matrix, LinearIsExactAroundTileEdges) {
  for (const int64_t rows : {1, 11, 12, 13, 31, 32, 33, 193}) {
    for (const int64_t outputs : {1, 15, 16, 17, 32, 33, 70}) {
      expect_all_match({.shape = linear_shape(rows, 68, outputs)});
    }
  }
  for (const int64_t inputs : {4, 8, 12, 16, 28, 32, 60, 64, 72, 128, 136}) {
    expect_all_match({.shape = linear_shape(13, inputs, 40)});
  }
}

TEST(Int8Matrix, ADepthOfSeveralChunksIsSummedWhole) {
  expect_all_match({.shape = linear_shape(14, 17408, 33)});
  ConvShape two = conv3x3(3, 5, 704, 70);
  two.channels2 = 256;
  expect_all_match({.shape = two, .residual = true});
}

TEST(Int8Matrix, ConvReadsTheZeroPointOutsideOfOddPictures) {
  for (const int64_t height : {1, 2, 5}) {
    for (const int64_t width : {1, 3, 23}) {
      for (const int zero_point : {0, 1, 128, 255}) {
        expect_all_match({.shape = conv3x3(height, width, 16, 35), .zero_point = zero_point});
      }
    }
  }
}

TEST(Int8Matrix, ConvReadsTwoSourcesEnlargesStridesAndPads) {
  ConvShape two = conv3x3(6, 7, 32, 20);
  two.channels2 = 36;
  expect_all_match({.shape = two});
  ConvShape enlarged = conv3x3(3, 5, 16, 20);
  enlarged.upsample2x = true;
  expect_all_match({.shape = enlarged});
  enlarged.batch = 2;
  enlarged.channels2 = 4;
  enlarged.pad_bottom = enlarged.pad_right = 0;
  expect_all_match({.shape = enlarged, .image_add = true});
  ConvShape strided = conv3x3(8, 9, 16, 20);
  strided.stride = 2;
  expect_all_match({.shape = strided});
  strided.pad_top = strided.pad_left = 0;
  expect_all_match({.shape = strided});
  ConvShape batch = conv3x3(4, 4, 16, 20);
  batch.batch = 3;
  expect_all_match({.shape = batch, .image_add = true});
  ConvShape one = linear_shape(1, 16, 20);  // 1x1 over a picture
  one.height = 7;
  one.width = 5;
  one.channels2 = 8;
  expect_all_match({.shape = one});
}

TEST(Int8Matrix, RandomShapesAreExact) {
  std::mt19937 bits(3);
  const auto below = [&](int64_t count) { return static_cast<int64_t>(bits() % count); };
  for (int i = 0; i < 40; ++i) {
    ConvShape s = conv3x3(1 + below(9), 1 + below(40), 4 * (1 + below(20)), 1 + below(100));
    s.channels2 = 4 * below(6);
    s.batch = 1 + below(2);
    s.stride = 1 + below(2);
    s.pad_top = below(2) + (s.height < 3 ? 1 : 0);
    s.pad_left = below(2) + (s.width < 3 ? 1 : 0);
    s.upsample2x = below(4) == 0;
    expect_all_match({.shape = s,
                      .zero_point = static_cast<int>(below(256)),
                      .activation = below(2) == 0 ? Activation::none : Activation::relu,
                      .residual = below(2) == 0,
                      .after_residual = below(2) == 0,
                      .dst = kResultTypes[below(3)],
                      .dst_zero_point = static_cast<int>(below(256))});
  }
}

TEST(Int8Matrix, ExtremeValuesAreExact) {
  for (const int zero_point : {0, 128, 255}) {
    for (const int fill : {0, 255}) {
      for (const int weight : {-128, 127}) {
        expect_all_match({.shape = conv3x3(3, 4, 32, 33),
                          .zero_point = zero_point,
                          .fill = fill,
                          .weight_fill = weight});
      }
    }
  }
}

TEST(Int8Matrix, SumsReachTheEndsOfTheirRange) {
  // 255 * 127 * 66308 = 2^31 - 99068
  for (const int zero_point : {0, 255}) {
    expect_all_match({.shape = linear_shape(2, 66308, 3),
                      .zero_point = zero_point,
                      .fill = 255 - zero_point,
                      .weight_fill = 127});
  }
  // Before the zero point is taken off the sum is beyond the range.
  expect_all_match(
      {.shape = linear_shape(2, 100000, 3), .zero_point = 128, .fill = 255, .weight_fill = 127});
}

TEST(Int8Matrix, TheEpilogueFollowsItsOrder) {
  for (const auto& [kind, name] : kActivations) {
    SCOPED_TRACE(name);
    for (const bool after : {false, true}) {
      for (const DType dst : kResultTypes) {
        for (const int64_t outputs : {40, 64}) {
          expect_all_match({.shape = conv3x3(4, 6, 16, outputs),
                            .activation = kind,
                            .residual = true,
                            .after_residual = after,
                            .dst = dst});
        }
        expect_all_match({.shape = linear_shape(9, 32, 64),
                          .activation = kind,
                          .residual = true,
                          .after_residual = after,
                          .residual_type = DType::f32,
                          .dst = dst});
      }
    }
    for (const DType dst : kResultTypes) {
      for (const int64_t outputs : {18, 32}) {
        expect_all_match({.shape = linear_shape(14, 32, outputs),
                          .activation = kind,
                          .bias = false,
                          .dst = dst});
      }
    }
  }
}

TEST(Int8Matrix, ResultsOf8BitsAreClampedAroundAnyZeroPoint) {
  for (const int zero_point : {0, 1, 127, 254, 255}) {
    for (const int64_t outputs : {32, 37}) {
      expect_all_match(
          {.shape = linear_shape(33, 64, outputs), .dst = DType::u8, .dst_zero_point = zero_point});
    }
  }
}

TEST(Int8Matrix, AGatedLayerMultipliesByTheGeluOfItsSecondHalf) {
  for (const DType dst : kResultTypes) {
    for (const int64_t outputs : {2, 30, 32, 34, 64, 130}) {
      expect_all_match({.shape = linear_shape(25, 64, outputs), .geglu = true, .dst = dst});
    }
    expect_all_match(
        {.shape = linear_shape(25, 64, 72), .residual = true, .geglu = true, .dst = dst});
  }
}

TEST(Int8Matrix, RowsOfBf16AreQuantisedOnTheWay) {
  for (const int64_t rows : {1, 13, 200, 300}) {
    for (const bool dynamic : {false, true}) {
      for (const int hadamard : {0, 32}) {
        expect_all_match({.shape = linear_shape(rows, 96, 40),
                          .src = DType::bf16,
                          .dynamic = dynamic,
                          .hadamard = hadamard});
      }
      ConvShape two = linear_shape(rows, 36, 33);
      two.channels2 = 44;
      expect_all_match({.shape = two, .src = DType::bf16, .dynamic = dynamic, .dst = DType::u8});
    }
  }
  ConvShape picture = linear_shape(9, 64, 40);
  picture.height = 11;
  picture.batch = 3;
  expect_all_match({.shape = picture, .src = DType::bf16, .image_add = true, .dst = DType::bf16});
  expect_all_match({.shape = linear_shape(40, 64, 64),
                    .src = DType::bf16,
                    .dynamic = true,
                    .geglu = true,
                    .dst = DType::bf16});
}

TEST(Int8Matrix, ResultsDoNotDependOnTheSplit) {
  std::vector<Int8Problem> problems = {
      {.shape = conv3x3(13, 16, 64, 100), .activation = Activation::silu, .residual = true},
      {.shape = linear_shape(215, 64, 100), .src = DType::bf16, .dynamic = true}};
  for (const Int8Problem& p : problems) {
    for (const Int8MatrixRow* row : int8_rows_for(p.shape, Int8Method::direct)) {
      const Int8Inputs in(p);
      const GemmRange all = whole(*row, p);
      const int64_t middle = all.row_end / 3 + 1;
      const std::vector<uint8_t> once = run(*row, in, {all});
      EXPECT_EQ(once, run(*row, in,
                          {{0, middle, 0, 1},
                           {0, middle, 1, all.panel_end},
                           {middle, all.row_end, 0, 2},
                           {middle, all.row_end, 2, all.panel_end}}))
          << row->name;
    }
  }
}

TEST(Int8Matrix, ANanOfTheResidualGivesTheZeroPoint) {
  const Int8Problem p = {
      .shape = linear_shape(3, 32, 40), .residual = true, .dst = DType::u8, .dst_zero_point = 77};
  for (const Int8MatrixRow* row : int8_rows_for(p.shape, Int8Method::direct)) {
    Int8Inputs in(p);
    for (const int64_t c : {5, 39}) {
      in.residual[static_cast<size_t>(in.residual_stride + c)] = 0x7fc0;
    }
    const std::vector<uint8_t> dst = run(*row, in, {whole(*row, p)});
    EXPECT_EQ(dst[static_cast<size_t>(in.dst_stride + 5)], 77) << row->name;
    EXPECT_EQ(dst[static_cast<size_t>(in.dst_stride + 39)], 77) << row->name;
  }
}

TEST(Int8Matrix, EveryShapeThatIsTakenHasARow) {
  for (const ConvShape& shape : {linear_shape(77, 768, 768), conv3x3(64, 64, 320, 320),
                                 conv3x3(8, 8, 4, 320), linear_shape(5, 20, 3)}) {
    for (const IsaSet isa : {IsaSet(), test_isa()}) {
      ASSERT_TRUE(int8_matrix_takes(shape, Int8Method::direct));
      const Int8MatrixRow& row = select_int8_matrix(isa, shape, Int8Method::direct);
      EXPECT_TRUE(isa.contains(row.needs));
      EXPECT_TRUE(row.takes(row, shape));
    }
  }
  EXPECT_FALSE(int8_matrix_takes(linear_shape(5, 18, 3), Int8Method::direct));
}

#if defined(__x86_64__)
TEST(Int8Matrix, TheMatrixUnitIsChosenWhereThereIsOne) {
  const IsaSet amx = IsaSet(Isa::sse4) | Isa::avx2 | Isa::avx512 | Isa::avx512_vnni |
                     Isa::avx512_bf16 | Isa::amx_bf16 | Isa::amx_int8;
  for (const ConvShape& shape : {linear_shape(77, 768, 768), conv3x3(64, 64, 320, 320)}) {
    EXPECT_EQ(select_int8_matrix(amx, shape, Int8Method::direct).name,
              "matrix_int8_direct_32x32_amx_int8");
  }
}
#endif

}  // namespace
}  // namespace edgefusion::kernels
