#pragma once

// Problems of quantised layers, their inputs, and results by the formula of the contract.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "kernels/activation.h"
#include "kernels/gemm/gemm_test_data.h"
#include "kernels/matrix/int8/int8_matrix.h"
#include "kernels/quantize/quantize.h"

namespace edgefusion::kernels {

struct Int8Problem {
  ConvShape shape;
  DType src = DType::u8;
  int zero_point = 131;
  bool dynamic = false;
  int hadamard = 0;
  /// u8 sources and weights are all that value; -1000: random ones.
  int fill = kRandom, weight_fill = kRandom;
  Activation activation = Activation::none;
  bool bias = true, image_add = false, residual = false, after_residual = false, geglu = false;
  DType residual_type = DType::bf16;
  DType dst = DType::f32;
  int dst_zero_point = 121;

  static constexpr int kRandom = -1000;

  int64_t results() const { return geglu ? shape.outputs / 2 : shape.outputs; }
  /// Whether the contract promises the same bits on every instruction set.
  bool is_exact() const {
    return !geglu && (activation == Activation::none || activation == Activation::relu);
  }
};

/// Inputs of a problem; rows of src, src2, dst and residual lie apart by odd gaps.
struct Int8Inputs {
  Int8Problem p;
  std::vector<int8_t> weights;
  std::vector<float> weight_scales, inverse_scale, dst_inverse_scale, bias, image_add;
  std::vector<uint8_t> src, src2;
  std::vector<uint16_t> bf16_src, bf16_src2, residual;
  std::vector<float> residual_f32;
  int64_t src_stride, src2_stride, dst_stride, residual_stride;

  explicit Int8Inputs(const Int8Problem& problem)
      : p(problem),
        src_stride(p.shape.channels + 3),
        src2_stride(p.shape.channels2 + 1),
        dst_stride(p.results() + 5),
        residual_stride(p.results() + 1) {
    const ConvShape& s = p.shape;
    const auto pixels = static_cast<size_t>(s.batch * s.height * s.width);
    weights =
        bytes<int8_t>(static_cast<size_t>(s.outputs * s.inputs() * s.taps()), p.weight_fill, 1);
    src = bytes<uint8_t>(pixels * static_cast<size_t>(src_stride), p.fill, 2);
    src2 = bytes<uint8_t>(pixels * static_cast<size_t>(src2_stride), p.fill, 3);
    bf16_src = bf16(src.size(), 4);
    bf16_src2 = bf16(src2.size(), 5);
    residual_f32 = random_values(static_cast<size_t>(s.pixels() * residual_stride), 6);
    residual = bf16(residual_f32.size(), 6);
    bias = random_values(static_cast<size_t>(s.outputs), 7);
    image_add = random_values(static_cast<size_t>(s.batch * s.outputs), 8);
    // Results of about one.
    const auto depth = static_cast<float>(s.inputs() * s.taps());
    weight_scales = scales(static_cast<size_t>(s.outputs), 1.0f / (5000.0f * std::sqrt(depth)), 9);
    inverse_scale = scales(static_cast<size_t>(s.inputs()), 100.0f, 10);
    dst_inverse_scale = scales(static_cast<size_t>(p.results()), 40.0f, 11);
  }

  Int8Weights weights_view() const {
    return {weights.data(), weight_scales.data(), p.shape.outputs, p.shape.inputs(),
            p.shape.taps()};
  }

  Int8MatrixArgs args(const void* packed, void* dst) const {
    Int8MatrixArgs a;
    a.shape = p.shape;
    a.src_type = p.src;
    const bool from_u8 = p.src == DType::u8;
    a.src = from_u8 ? static_cast<const void*>(src.data()) : bf16_src.data();
    a.src_stride = src_stride;
    a.src2 = from_u8 ? static_cast<const void*>(src2.data()) : bf16_src2.data();
    a.src2_stride = src2_stride;
    a.zero_point = p.zero_point;
    a.inverse_scale = inverse_scale.data();
    a.dynamic = p.dynamic;
    a.hadamard = p.hadamard;
    a.packed_weights = packed;
    a.dst = dst;
    a.dst_type = p.dst;
    a.dst_inverse_scale = dst_inverse_scale.data();
    a.dst_zero_point = p.dst_zero_point;
    a.dst_stride = dst_stride;
    const void* added = p.residual_type == DType::f32
                            ? static_cast<const void*>(residual_f32.data())
                            : residual.data();
    a.epilogue = {.bias = p.bias ? bias.data() : nullptr,
                  .image_add = p.image_add ? image_add.data() : nullptr,
                  .activation = p.activation,
                  .activation_after_residual = p.after_residual,
                  .geglu = p.geglu,
                  .residual = p.residual ? added : nullptr,
                  .residual_type = p.residual_type,
                  .residual_stride = residual_stride};
    return a;
  }

 private:
  template <typename T>
  static std::vector<T> bytes(size_t count, int fill, uint32_t seed) {
    std::mt19937 bits(seed);
    std::vector<T> values(count);
    for (T& v : values) v = static_cast<T>(fill == Int8Problem::kRandom ? bits() : fill);
    return values;
  }
  static std::vector<uint16_t> bf16(size_t count, uint32_t seed) {
    std::vector<uint16_t> values;
    for (const float v : random_values(count, seed)) values.push_back(f32_to_bf16(v));
    return values;
  }
  /// Positive, around `middle`.
  static std::vector<float> scales(size_t count, float middle, uint32_t seed) {
    std::vector<float> values = random_values(count, seed);
    for (float& v : values) v = middle * (1 + 0.5f * v);
    return values;
  }
};

/// The formula of the contract for one problem, step by step.
class Int8Reference {
 public:
  explicit Int8Reference(const Int8Inputs& in) : in_(in) {
    if (in.p.src == DType::bf16) quantize_rows();
  }

  struct Result {
    float value = 0;
    float magnitude = 0;  ///< of what was added up to it
  };

  Result result(int64_t pixel, int64_t c) const {
    const Int8Problem& p = in_.p;
    float x = biased(pixel, c);
    Result r;
    if (p.geglu) {
      r.magnitude = 0.01f * std::abs(x);  // gelu of a gate far below zero has an absolute error
      x *= activate(Activation::gelu, biased(pixel, p.results() + c));
    }
    r.magnitude += std::abs(x);
    if (!p.residual) {
      r.value = activate(p.activation, x);
      return r;
    }
    const auto at = static_cast<size_t>(pixel * in_.residual_stride + c);
    const float residual =
        p.residual_type == DType::f32 ? in_.residual_f32[at] : bf16_to_f32(in_.residual[at]);
    r.magnitude += std::abs(residual);
    r.value = p.after_residual ? activate(p.activation, x + residual)
                               : activate(p.activation, x) + residual;
    return r;
  }

  uint8_t quantized_result(float value, int64_t c) const {
    const float t = value * in_.dst_inverse_scale[static_cast<size_t>(c)];
    const float q = std::nearbyint(t) + static_cast<float>(in_.p.dst_zero_point);
    return static_cast<uint8_t>(std::clamp(q, 0.0f, 255.0f));
  }

 private:
  float biased(int64_t pixel, int64_t output) const {
    const Int8Problem& p = in_.p;
    const auto o = static_cast<size_t>(output);
    float x = static_cast<float>(sum(pixel, output)) * in_.weight_scales[o];
    if (p.dynamic) x *= row_scales_[static_cast<size_t>(pixel)];
    float bias = p.bias ? in_.bias[o] : 0;
    const int64_t image = pixel / (p.shape.out_width() * p.shape.out_height());
    if (p.image_add) bias += in_.image_add[static_cast<size_t>(image * p.shape.outputs) + o];
    return x + bias;
  }

  /// Fits s32: what the kernel does on the way may not.
  int32_t sum(int64_t pixel, int64_t output) const {
    const ConvShape& s = in_.p.shape;
    const int zero_point = in_.p.dynamic ? 128 : in_.p.zero_point;
    const int64_t x = pixel % s.out_width(), y = pixel / s.out_width() % s.out_height();
    const int64_t n = pixel / (s.out_width() * s.out_height());
    int64_t total = 0;
    for (int64_t tap = 0; tap < s.taps(); ++tap) {
      const int64_t in_y = y * s.stride - s.pad_top + tap / s.kernel_width;
      const int64_t in_x = x * s.stride - s.pad_left + tap % s.kernel_width;
      if (in_y < 0 || in_y >= s.in_height() || in_x < 0 || in_x >= s.in_width()) continue;
      const int64_t scale = s.upsample2x ? 2 : 1;
      const int64_t from = (n * s.height + in_y / scale) * s.width + in_x / scale;
      for (int64_t i = 0; i < s.inputs(); ++i) {
        const int64_t w = (output * s.inputs() + i) * s.taps() + tap;
        total += int64_t{value(from, i) - zero_point} * in_.weights[static_cast<size_t>(w)];
      }
    }
    EXPECT_EQ(total, static_cast<int32_t>(total)) << "the problem is too large";
    return static_cast<int32_t>(total);
  }

  int value(int64_t pixel, int64_t i) const {
    const ConvShape& s = in_.p.shape;
    if (in_.p.src == DType::bf16) return quantized_[static_cast<size_t>(pixel * s.inputs() + i)];
    return i < s.channels ? in_.src[static_cast<size_t>(pixel * in_.src_stride + i)]
                          : in_.src2[static_cast<size_t>(pixel * in_.src2_stride + i - s.channels)];
  }

  /// By the reference of the quantize family, whose own tests say whether that is right.
  void quantize_rows() {
    const ConvShape& s = in_.p.shape;
    const auto rows = static_cast<size_t>(s.pixels()), columns = static_cast<size_t>(s.inputs());
    std::vector<uint16_t> joined;
    for (int64_t r = 0; r < s.pixels(); ++r) {
      const auto first = in_.bf16_src.begin() + r * in_.src_stride;
      const auto second = in_.bf16_src2.begin() + r * in_.src2_stride;
      joined.insert(joined.end(), first, first + s.channels);
      joined.insert(joined.end(), second, second + s.channels2);
    }
    quantized_.resize(rows * columns);
    row_scales_.resize(rows);
    QuantizeRows q;
    q.src = joined.data();
    q.dst = quantized_.data();
    q.ld_src = q.ld_dst = q.columns = columns;
    q.inverse_scale = in_.inverse_scale.data();
    q.zero_point = in_.p.zero_point;
    q.row_scales = in_.p.dynamic ? row_scales_.data() : nullptr;
    q.hadamard = in_.p.hadamard;
    select_quantize(IsaSet(), DType::bf16).quantize(q, 0, rows);
  }

  const Int8Inputs& in_;
  std::vector<uint8_t> quantized_;
  std::vector<float> row_scales_;
};

}  // namespace edgefusion::kernels
