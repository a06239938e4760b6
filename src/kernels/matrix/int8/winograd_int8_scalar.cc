// The transforms in the order of their contract, one value after the other: what the vector code is
// tested against. And what both share: scales and filters.

#include <algorithm>
#include <cmath>

#include "core/dtype.h"
#include "kernels/matrix/int8/winograd_int8_transform.h"

namespace edgefusion::kernels {
namespace {

constexpr int kMultiplierBits = 15;

// One of the two passes of B^T d B.

template <typename T>
void transform_line(T (&d)[3]) {
  const T a = d[0], b = d[1], c = d[2];
  d[0] = a - b;
  d[1] = b + b;
  d[2] = b - c;
}

template <typename T>
void transform_line(T (&d)[4]) {
  const T a = d[0], b = d[1], c = d[2], e = d[3];
  d[0] = a - c;
  d[1] = b + c;
  d[2] = c - b;
  d[3] = b - e;
}

/// B^T d B of d, in place.
template <int kPatch, typename T>
void transform_patch(T (&d)[kPatch][kPatch]) {
  for (int x = 0; x < kPatch; ++x) {
    T line[kPatch];
    for (int y = 0; y < kPatch; ++y) line[y] = d[y][x];
    transform_line(line);
    for (int y = 0; y < kPatch; ++y) d[y][x] = line[y];
  }
  for (auto& line : d) transform_line(line);
}

float pixel_value(const WinogradInt8Input<uint16_t>&, uint16_t pixel) { return bf16_to_f32(pixel); }
int pixel_value(const WinogradInt8Input<uint8_t>& in, uint8_t pixel) {
  return pixel - in.zero_point;
}

int quantised(const WinogradInt8Input<uint8_t>& in, int v, int position, int64_t) {
  const int product = v * in.scales->multiplier[position];
  return std::clamp((product + (1 << (kMultiplierBits - 1))) >> kMultiplierBits, -127, 127);
}

int quantised(const WinogradInt8Input<uint16_t>& in, float v, int position, int64_t channel) {
  const float t = v * in.inverse_scale[channel];
  const float x = t * in.scales->inverse_scale[position];
  if (std::isnan(x)) return 0;
  return static_cast<int>(std::nearbyint(std::clamp(x, -127.0f, 127.0f)));
}

template <int kPatch, typename Value>
void input_scalar(const WinogradInt8Input<Value>& in) noexcept {
  for (int64_t t = 0; t < in.tiles; ++t) {
    for (int64_t c = 0; c < in.channels; ++c) {
      decltype(pixel_value(in, Value{})) d[kPatch][kPatch];
      for (int p = 0; p < kPatch * kPatch; ++p) {
        d[p / kPatch][p % kPatch] = pixel_value(in, in.pixels[p * in.table_rows + t][c]);
      }
      transform_patch(d);
      for (int p = 0; p < kPatch * kPatch; ++p) {
        in.dst[p * in.position_stride + t * in.tile_stride + c] =
            static_cast<uint8_t>(quantised(in, d[p / kPatch][p % kPatch], p, c) + 128);
      }
    }
  }
}

// One of the two passes of A^T s A.

void join_line(const float (&s)[3], float (&y)[2]) {
  y[0] = s[0] + s[1];
  y[1] = s[1] - s[2];
}

void join_line(const float (&s)[4], float (&y)[2]) {
  y[0] = (s[0] + s[1]) + s[2];
  y[1] = (s[1] - s[2]) - s[3];
}

template <int kPatch>
void output_scalar(const WinogradInt8Output& out) noexcept {
  for (int64_t t = 0; t < out.tiles; ++t) {
    for (int c = 0; c < kPanelColumns; ++c) {
      float between[2][kPatch];
      for (int x = 0; x < kPatch; ++x) {
        float line[kPatch], joined[2];
        for (int y = 0; y < kPatch; ++y) {
          const int p = y * kPatch + x, constant = p * kPanelColumns + c;
          const int32_t sum = out.sums[p * out.position_stride + t * kPanelColumns + c];
          line[y] = static_cast<float>(sum + out.offsets[constant]) * out.scales[constant];
        }
        join_line(line, joined);
        for (int y = 0; y < 2; ++y) between[y][x] = joined[y];
      }
      for (int y = 0; y < 2; ++y) {
        float joined[2];
        join_line(between[y], joined);
        for (int x = 0; x < 2; ++x) out.lines[y][(2 * t + x) * kPanelColumns + c] = joined[x];
      }
    }
  }
}

template <int kPatch>
WinogradInt8Transforms scalar_transforms() {
  return {input_scalar<kPatch, uint8_t>, input_scalar<kPatch, uint16_t>, output_scalar<kPatch>};
}

}  // namespace

WinogradInt8Scales winograd_int8_scales(int patch, bool u8, const float* position_inverse_scale) {
  constexpr float kUnit = 1 << kMultiplierBits;
  WinogradInt8Scales scales = {};
  for (int p = 0; p < patch * patch; ++p) {
    const float inverse = position_inverse_scale[winograd_int8_position(patch, p)];
    const float multiplier = std::clamp(std::nearbyint(inverse * kUnit), 1.0f, kUnit - 1);
    scales.multiplier[p] = static_cast<int16_t>(multiplier);
    scales.inverse_scale[p] = inverse;
    scales.scale[p] = u8 ? kUnit / multiplier : 1 / inverse;
  }
  return scales;
}

/// 2 G g: at points 0, 1, -1 and infinity.
static void filter_line(const int32_t (&g)[3], int32_t (&u)[4]) {
  const int32_t ends = g[0] + g[2];
  u[0] = 2 * g[0];
  u[1] = ends + g[1];
  u[2] = ends - g[1];
  u[3] = 2 * g[2];
}

void winograd_int8_filter(int patch, const int8_t* taps, int32_t* positions) {
  int32_t columns[3][4];
  for (int x = 0; x < 3; ++x) filter_line({taps[x], taps[3 + x], taps[6 + x]}, columns[x]);
  int32_t u[4][4];
  for (int y = 0; y < 4; ++y) filter_line({columns[0][y], columns[1][y], columns[2][y]}, u[y]);
  for (int p = 0; p < patch * patch; ++p) {
    const int position = winograd_int8_position(patch, p);
    positions[p] = u[position / 4][position % 4];
  }
}

WinogradInt8Transforms select_winograd_int8_transforms(IsaSet isa, int patch) {
  const MakeWinogradInt8Transforms make = winograd_int8_transform_variants().best(isa);
  if (make != nullptr) return make(patch);
  return patch == 3 ? scalar_transforms<3>() : scalar_transforms<4>();
}

}  // namespace edgefusion::kernels
