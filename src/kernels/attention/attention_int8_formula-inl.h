#pragma once

// The arithmetic of attention on 8-bit numbers, as every instruction set does it. Nothing of the
// standard library may come in here; all has internal linkage: see attention_args.h.
//
// Of one head, over the keys its mask leaves (j counts these alone):
//   k'[j,c] = k[j,c] - mean over j of k[.,c]     the same for every key of a query, so that the
//                                                softmax does not change (SageAttention, Zhang et
//                                                al. 2024): what is left is small
//   K8[j,:] = round(k' * 127 / largest |k'| of the key),           key_scale[j]  = largest / 127
//   Q8[i,:] = round(q * 127 / largest |q| of the query),           query_scale[i] = largest / 127
//                                                                     * scale * log2(e) * kOctave
//   V8[j,c] = round((v - middle[c]) * 127 / half the range of the column), middle and range over j
//
// Keys are weighed in blocks of kBlockKeys. For a query and a block, with a reference m near the
// query's largest score:
//   z[j]  = round(m - (Q8 . K8) * key_scale * query_scale) as s16, in kOctave-th octaves (powers of
//           two); kUnseen if the query does not see the key
//   P8[j] = 255 * 2^-((z[j] - min z) / kOctave) as u8, rounded up or down so that sums are right on
//           average (weight_of)
//   sums of P8 V8 and of P8 are exact; 2^-(min z / kOctave) times them is added to the query's sums
//   in f32.
// So weights are relative to the largest of the block: where one key outweighs thousands of others
// which matter together, these lose nothing but in its own block.

#include <cstddef>
#include <cstdint>

namespace edgefusion::kernels {
namespace {

constexpr size_t kBlockKeys = 64;
/// m is first the largest score of so many keys.
constexpr size_t kFirstKeys8 = 4;
constexpr float kOctave = 512.0f;
constexpr int kOctaveBits = 9;
constexpr int16_t kUnseen = 32767;
/// A block whose nearest key is farther counts for nothing, being 2^-48 of what there is; so P8 of
/// unseen keys, 16 octaves beyond, is zero whenever it counts.
constexpr int16_t kFarthest = 24575;
/// z of a block at or below this may be beyond s16: m is raised and the block weighed again.
constexpr int16_t kTooNear = -32767;
constexpr float kLargest8 = 127.0f;
/// Queries or keys smaller than this are zeros: their inverse is not to overflow.
constexpr float kSmallest = 1e-30f;

/// 255 * 256 * 2^-x = kFull - x (kLinear - x (kSquare - x kCube)), x in [0, 1) in 65536ths, each
/// product rounded down: relative error <= 1.1e-4.
constexpr uint32_t kFull = 65280;
constexpr uint32_t kLinear = 45144;
constexpr uint32_t kSquare = 15078;
constexpr uint32_t kCube = 2577;

/// What is added to a weight in 256ths before these are cut off: 0..255, evenly spread over any
/// neighbouring keys (multiples of the golden ratio).
inline uint16_t threshold_of(size_t key) {
  return static_cast<uint16_t>((key * 40503u & 0xffffu) >> 8);
}

/// P8 of a key that is z kOctave-th octaves below the largest of its block.
inline uint8_t weight_of(uint16_t z, uint16_t threshold) {
  const uint32_t x = static_cast<uint16_t>(z << (16 - kOctaveBits));
  uint32_t sum = kSquare - (x * kCube >> 16);
  sum = kLinear - (x * sum >> 16);
  sum = kFull - (x * sum >> 16);
  const int octaves = z >> kOctaveBits;
  return static_cast<uint8_t>(((octaves < 16 ? sum >> octaves : 0) + threshold) >> 8);
}

/// 2^-(z / kOctave), relative error <= 2e-7; |z| <= 126 * kOctave.
inline float factor_of(int32_t z) {
  const int32_t whole = -z >> kOctaveBits;
  const float f = static_cast<float>(-z & ((1 << kOctaveBits) - 1)) * (1.0f / kOctave);
  float p = 0.00021702255f * f + 0.0012439687f;
  p = p * f + 0.009678841f;
  p = p * f + 0.05548334f;
  p = p * f + 0.24022983f;
  p = p * f + 0.693147f;
  p = p * f + 1.0f;
  return p * __builtin_bit_cast(float, (whole + 127) << 23);
}

/// factor_of(raised - m), m in octaves' parts and `raised` above it.
inline float lowering_of(float m, float raised) {
  const float most = 126.0f * kOctave, rise = raised - m;
  return factor_of(static_cast<int32_t>(rise < most ? (rise > 0.0f ? rise : 0.0f) : most));
}

/// To the nearest integer, halves to even; |x| < 2^22.
inline float round_small(float x) { return x + 12582912.0f - 12582912.0f; }
/// The same as bits whose low 16 are the integer's.
inline uint32_t rounded_bits(float x) { return __builtin_bit_cast(uint32_t, x + 12582912.0f); }

/// A reference: whole parts of octaves as long as f32 has them.
inline float reference_of(float score) {
  const bool small = score < 4194304.0f && score > -4194304.0f;
  return small ? round_small(score) : score;
}

inline float inverse_scale_of(float largest) {
  return largest > kSmallest ? kLargest8 / largest : 0.0f;
}
inline float scale_of(float largest) { return largest > kSmallest ? largest / kLargest8 : 0.0f; }

inline float widened(uint16_t bf16) {
  return __builtin_bit_cast(float, static_cast<uint32_t>(bf16) << 16);
}
/// bf16, halves to even; for finite numbers.
inline uint32_t narrowed_bits(float x) {
  const auto bits = __builtin_bit_cast(uint32_t, x);
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

}  // namespace
}  // namespace edgefusion::kernels
