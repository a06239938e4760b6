#pragma once

// The Vector of attention_int8_lanes-inl.h for Arm: with SDOT where the file is compiled for it,
// else with products of s16. Queries and weights are s8, as these instructions want them.

#include <arm_neon.h>

#include "kernels/attention/attention_int8_lanes-inl.h"

namespace edgefusion::kernels {
namespace {

struct Neon {
  static constexpr size_t kLanes = 4;
  static constexpr size_t kCount = 4;
  static constexpr size_t kSums = 16;
  static constexpr bool kSoftensBetween = false;
  static constexpr int kQueryOffset = 0;
  static constexpr int kWeightOffset = 128;
  using Element = int8_t;
  using Sums = int32x4_t;
  using Floats = float32x4_t;
  using Operand = int8x16_t;
  using Broadcast = int8x16_t;
  using Words = int16x8_t;
  using Bytes = uint8x16_t;

  static void store_groups(int8_t* dst, const uint32_t* four) { __builtin_memcpy(dst, four, 16); }

  static Sums broadcast_sum(const int32_t* from) { return vld1q_dup_s32(from); }
  static Sums load_sums(const int32_t* from) { return vld1q_s32(from); }
  static void store_sums(int32_t* to, Sums sums) { vst1q_s32(to, sums); }
  static Floats load_floats(const float* from) { return vld1q_f32(from); }
  static Floats no_floats() { return vdupq_n_f32(0.0f); }
  static void store_floats(float* to, Floats x) { vst1q_f32(to, x); }
  static Words load_words(const int16_t* from) { return vld1q_s16(from); }
  static void store_words(int16_t* to, Words words) { vst1q_s16(to, words); }
  static void store_weights(uint8_t* to, Bytes bytes) {
    vst1q_u8(to, veorq_u8(bytes, vdupq_n_u8(128)));
  }
  static Operand load_operand(const uint8_t* from) { return vreinterpretq_s8_u8(vld1q_u8(from)); }
  static Broadcast load_broadcast(const int8_t* from) {
    int32_t group;
    __builtin_memcpy(&group, from, sizeof group);
    return vreinterpretq_s8_s32(vdupq_n_s32(group));
  }
#if defined(__ARM_FEATURE_DOTPROD)
  static Sums dot(Sums sums, Operand a, Broadcast b) { return vdotq_s32(sums, a, b); }
#else
  static Sums dot(Sums sums, Operand a, Broadcast b) {
    const int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    const int32x4_t high = vpaddlq_s16(vmull_high_s8(a, b));
    return vaddq_s32(sums, vpaddq_s32(low, high));
  }
#endif

  static Words smaller_words(Words a, Words b) { return vminq_s16(a, b); }
  static Words larger_words(Words a, Words b) { return vmaxq_s16(a, b); }
  static Words subtract_words(Words a, Words b) { return vsubq_s16(a, b); }
  static Words repeat_words(const int16_t* eight) { return vld1q_s16(eight); }
  static Words fold_words(Words words) { return vminq_s16(words, vextq_s16(words, words, 4)); }
  static Sums widen_words(Words words) { return vmovl_s16(vget_low_s16(words)); }

  static Floats scores(Sums sums, const float* key_scale, Floats query_scales) {
    return vmulq_f32(vmulq_n_f32(vcvtq_f32_s32(sums), *key_scale), query_scales);
  }
  static int16x4_t distance(Sums sums, const float* key_scale, Floats query_scales, Floats m) {
    const float32x4_t scaled = vmulq_n_f32(vcvtq_f32_s32(sums), *key_scale);
    return vqmovn_s32(vcvtnq_s32_f32(vfmsq_f32(m, scaled, query_scales)));
  }
  static Words distances(Sums first, Sums second, const float* key_scales, Floats query_scales,
                         Floats m) {
    return vcombine_s16(distance(first, key_scales, query_scales, m),
                        distance(second, key_scales + 1, query_scales, m));
  }

  static uint16x8_t high_product(uint16x8_t a, uint16x8_t b) {
    const uint32x4_t low = vmull_u16(vget_low_u16(a), vget_low_u16(b));
    return vuzp2q_u16(vreinterpretq_u16_u32(low), vreinterpretq_u16_u32(vmull_high_u16(a, b)));
  }
  /// In 256ths, with the threshold.
  static uint16x8_t raw_weights(Words distance, Words thresholds) {
    const uint16x8_t z = vreinterpretq_u16_s16(distance);
    const uint16x8_t x = vshlq_n_u16(z, 16 - kOctaveBits);
    uint16x8_t sum = vsubq_u16(vdupq_n_u16(kSquare), high_product(x, vdupq_n_u16(kCube)));
    sum = vsubq_u16(vdupq_n_u16(kLinear), high_product(x, sum));
    sum = vsubq_u16(vdupq_n_u16(kFull), high_product(x, sum));
    const int16x8_t octaves = vreinterpretq_s16_u16(vshrq_n_u16(z, kOctaveBits));
    return vaddq_u16(vshlq_u16(sum, vnegq_s16(octaves)), vreinterpretq_u16_s16(thresholds));
  }
  static Bytes weights(Words first, Words second, Words first_thresholds, Words second_thresholds) {
    const uint16x8_t low = vshrq_n_u16(raw_weights(first, first_thresholds), 8);
    const uint16x8_t high = vandq_u16(raw_weights(second, second_thresholds), vdupq_n_u16(0xff00));
    // Keys 0, 2 of four queries, then 1, 3.
    const uint8x16_t both = vreinterpretq_u8_u16(vorrq_u16(low, high));
    return vzip1q_u8(both, vextq_u8(both, both, 8));
  }
  static Sums sum_weights(Sums sums, Bytes weights) {
    const uint32x4_t four = vpaddlq_u16(vpaddlq_u8(weights));
    return vaddq_s32(sums, vreinterpretq_s32_u32(four));
  }
  static Floats add_scaled(Floats before, Sums sums, Floats factors) {
    return vfmaq_f32(before, vcvtq_f32_s32(sums), factors);
  }

  static void transpose_in(const uint16_t* const rows[kTile], size_t columns, uint32_t* words) {
    transpose_rows(rows, columns, words);
  }
  static void transpose_out(const uint32_t* words, size_t bytes, size_t rows, uint8_t* dst,
                            size_t stride) {
    transpose_words(words, bytes, rows, dst, stride);
  }
};

}  // namespace
}  // namespace edgefusion::kernels
