#include "core/dtype.h"
#include "kernels/matrix/winograd_transform.h"

namespace edgefusion::kernels {
namespace {

constexpr float kInput[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};  // B^T
constexpr float kOutput[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};                              // A^T

/// y = m x m^T, m [kRows,4], x [4,4].
template <int kRows>
void transform(const float (&m)[kRows][4], const float (&x)[4][4], float (&y)[kRows][kRows]) {
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kRows; ++c) {
      y[r][c] = 0;
      for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 4; ++j) y[r][c] += m[r][i] * x[i][j] * m[c][j];
      }
    }
  }
}

void winograd_input_scalar(const WinogradInput& in) noexcept {
  for (int64_t t = 0; t < in.tiles; ++t) {
    for (int64_t c = 0; c < in.channels; ++c) {
      float d[4][4], v[4][4];
      for (int p = 0; p < kWinogradPositions; ++p) {
        d[p / 4][p % 4] = bf16_to_f32(in.pixels[p * in.table_rows + t][c]);
      }
      transform(kInput, d, v);
      for (int p = 0; p < kWinogradPositions; ++p) {
        in.dst[p * in.position_stride + t * in.tile_stride + c] = f32_to_bf16(v[p / 4][p % 4]);
      }
    }
  }
}

void winograd_output_scalar(const WinogradOutput& out) noexcept {
  for (int64_t t = 0; t < out.tiles; ++t) {
    for (int c = 0; c < kPanelColumns; ++c) {
      float m[4][4], y[2][2];
      for (int p = 0; p < kWinogradPositions; ++p) {
        m[p / 4][p % 4] = out.sums[p * out.position_stride + t * kPanelColumns + c];
      }
      transform(kOutput, m, y);
      for (int r = 0; r < 2; ++r) {
        for (int x = 0; x < 2; ++x) out.lines[r][(2 * t + x) * kPanelColumns + c] = y[r][x];
      }
    }
  }
}

}  // namespace

WinogradTransforms select_winograd_transforms(IsaSet isa) {
  WinogradTransforms best = {winograd_input_variants().best(isa),
                             winograd_output_variants().best(isa)};
#if defined(__x86_64__)
  if (isa.has(Isa::avx512_bf16)) best.input = winograd_input_avx512_bf16;
#endif
  if (best.input == nullptr) best.input = winograd_input_scalar;
  if (best.output == nullptr) best.output = winograd_output_scalar;
  return best;
}

}  // namespace edgefusion::kernels
