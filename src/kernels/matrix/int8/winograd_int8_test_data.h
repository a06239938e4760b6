#pragma once

// Problems of int8 Winograd, their inputs, and how a row is run on them.

#include <random>
#include <vector>

#include "kernels/gemm/gemm_test_data.h"
#include "kernels/matrix/int8/int8_matrix.h"

namespace edgefusion::kernels {

struct WinogradInt8Problem {
  ConvShape shape;
  DType src = DType::u8;
  DType dst = DType::f32;
  int zero_point = 131;
  Activation activation = Activation::none;
  bool image_add = false, residual = false, after_residual = false;
};

inline size_t size(int64_t count) { return static_cast<size_t>(count); }

/// WinogradInt8Inputs of a problem; rows of src, src2, dst and residual lie apart by odd gaps.
struct WinogradInt8Inputs {
  WinogradInt8Problem p;
  std::vector<uint16_t> src, src2;  // bf16, or u8 one in each
  std::vector<uint8_t> src_u8, src2_u8;
  std::vector<uint16_t> residual;
  std::vector<int8_t> weights;
  std::vector<float> weight_scales, inverse_scale, position_inverse_scale, bias, image_add;
  std::vector<float> dst_inverse_scale;
  int64_t src_stride, src2_stride, dst_stride, residual_stride;

  explicit WinogradInt8Inputs(const WinogradInt8Problem& problem)
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

inline ConvShape conv3x3(int64_t height, int64_t width, int64_t inputs, int64_t outputs) {
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

inline constexpr uint8_t kUntouched = 0x43;

/// Bytes of dst; weights are packed in two parts.
inline std::vector<uint8_t> run(const Int8MatrixRow& row, const WinogradInt8Inputs& in,
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

inline GemmRange whole(const Int8MatrixRow& row, const WinogradInt8Problem& p) {
  return {0, row.units(p.shape), 0, row.panels(p.shape.outputs)};
}

}  // namespace edgefusion::kernels
