// The transforms as products with their matrices: what the vector code is tested against.

#include "core/dtype.h"
#include "kernels/matrix/winograd_transform.h"

namespace edgefusion::kernels {
namespace {

/// B^T, G and A^T of Toom and Cook for points 0, a, -a (and b, -b) and infinity.
template <int kPatch>
struct Matrices;

/// Of those for 4 pixels a, b, b, c: without the row that is zero, and the factor of two of the sum
/// b + b on the side of the filter.
template <>
struct Matrices<3> {
  static constexpr double kInput[3][3] = {{1, -1, 0}, {0, 1, 0}, {0, 1, -1}};
  static constexpr double kFilter[3][3] = {{1, 0, 0}, {1, 1, 1}, {0, 0, 1}};
  static constexpr double kOutput[2][3] = {{1, 1, 0}, {0, 1, -1}};
};

template <>
struct Matrices<4> {
  static constexpr double kInput[4][4] = {
      {1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
  static constexpr double kFilter[4][3] = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}};
  static constexpr double kOutput[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};
};

template <>
struct Matrices<6> {
  static constexpr double a = 0.625, b = 1.5, a2 = a * a, b2 = b * b;
  /// Of (p - q) over the other finite points q: what the filter is divided by at point p.
  static constexpr double f0 = a2 * b2, fa = 2 * a2 * (a2 - b2), fb = 2 * b2 * (b2 - a2);
  static constexpr double kInput[6][6] = {
      {a2 * b2, 0, -a2 - b2, 0, 1, 0}, {0, -a* b2, -b2, a, 1, 0}, {0, a* b2, -b2, -a, 1, 0},
      {0, -b* a2, -a2, b, 1, 0},       {0, b* a2, -a2, -b, 1, 0}, {0, a2* b2, 0, -a2 - b2, 0, 1}};
  static constexpr double kFilter[6][3] = {{1 / f0, 0, 0},
                                           {1 / fa, a / fa, a2 / fa},
                                           {1 / fa, -a / fa, a2 / fa},
                                           {1 / fb, b / fb, b2 / fb},
                                           {1 / fb, -b / fb, b2 / fb},
                                           {0, 0, 1}};
  static constexpr double kOutput[4][6] = {{1, 1, 1, 1, 1, 0},
                                           {0, a, -a, b, -b, 0},
                                           {0, a2, a2, b2, b2, 0},
                                           {0, a* a2, -a* a2, b* b2, -b* b2, 1}};
};

/// y = m x m^T; m [kTo,kFrom], x [kFrom,kFrom].
template <int kTo, int kFrom>
void transform(const double (&m)[kTo][kFrom], const double (&x)[kFrom][kFrom],
               double (&y)[kTo][kTo]) {
  for (int r = 0; r < kTo; ++r) {
    for (int c = 0; c < kTo; ++c) {
      y[r][c] = 0;
      for (int i = 0; i < kFrom; ++i) {
        for (int j = 0; j < kFrom; ++j) y[r][c] += m[r][i] * x[i][j] * m[c][j];
      }
    }
  }
}

template <int kPatch>
void input_scalar(const WinogradInput& in) noexcept {
  for (int64_t t = 0; t < in.tiles; ++t) {
    for (int64_t c = 0; c < in.channels; ++c) {
      double d[kPatch][kPatch], v[kPatch][kPatch];
      for (int p = 0; p < kPatch * kPatch; ++p) {
        d[p / kPatch][p % kPatch] =
            static_cast<double>(bf16_to_f32(in.pixels[p * in.table_rows + t][c]));
      }
      transform(Matrices<kPatch>::kInput, d, v);
      for (int p = 0; p < kPatch * kPatch; ++p) {
        in.dst[p * in.position_stride + t * in.tile_stride + c] =
            f32_to_bf16(static_cast<float>(v[p / kPatch][p % kPatch]));
      }
    }
  }
}

template <int kPatch>
void output_scalar(const WinogradOutput& out) noexcept {
  constexpr int kOutputs = winograd_outputs(kPatch);
  for (int64_t t = 0; t < out.tiles; ++t) {
    for (int c = 0; c < kPanelColumns; ++c) {
      double m[kPatch][kPatch], y[kOutputs][kOutputs];
      for (int p = 0; p < kPatch * kPatch; ++p) {
        m[p / kPatch][p % kPatch] =
            static_cast<double>(out.sums[p * out.position_stride + t * kPanelColumns + c]);
      }
      transform(Matrices<kPatch>::kOutput, m, y);
      for (int r = 0; r < kOutputs; ++r) {
        for (int x = 0; x < kOutputs; ++x) {
          out.lines[r][(kOutputs * t + x) * kPanelColumns + c] = static_cast<float>(y[r][x]);
        }
      }
    }
  }
}

template <int kPatch>
void filter(const float* taps, float* positions) {
  double g[3][3], u[kPatch][kPatch];
  for (int t = 0; t < 9; ++t) g[t / 3][t % 3] = static_cast<double>(taps[t]);
  transform(Matrices<kPatch>::kFilter, g, u);
  for (int p = 0; p < kPatch * kPatch; ++p) {
    positions[p] = static_cast<float>(u[p / kPatch][p % kPatch]);
  }
}

template <int kPatch>
WinogradTransforms scalar_transforms() {
  return {input_scalar<kPatch>, output_scalar<kPatch>};
}

}  // namespace

void winograd_filter(int patch, const float* taps, float* positions) {
  if (patch == 3) return filter<3>(taps, positions);
  if (patch == 4) return filter<4>(taps, positions);
  filter<6>(taps, positions);
}

WinogradTransforms select_winograd_transforms(IsaSet isa, int patch) {
  const WinogradTransforms scalar = patch == 3   ? scalar_transforms<3>()
                                    : patch == 4 ? scalar_transforms<4>()
                                                 : scalar_transforms<6>();
  WinogradTransforms best = {winograd_input_variants(patch).best(isa),
                             winograd_output_variants(patch).best(isa)};
  if (best.input == nullptr) best.input = scalar.input;
  if (best.output == nullptr) best.output = scalar.output;
  return best;
}

}  // namespace edgefusion::kernels
