#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/activation.h"
#include "core/cpu_features.h"
#include "core/dtype.h"

namespace edgefusion::kernels {

struct KernelInfo;

// `void` pointers are activations, stored as the `dtype` of the table's row says: all f32 or all
// bf16. Arithmetic is f32 or better; a bf16 result is rounded once, to nearest even. Strides count
// elements.
//
// Sources and results may each be u8 instead, as kernels/quantize/quantize.h says. The t of a u8
// result is off by f32 roundings (its factors are multiplied in another order) and, after an
// activation, by what fast_activation-inl.h loses: 2e-4 of t. The number is that of the exact t or
// one beside it.

/// Group normalisation of ONE image, channels last, in three steps so that threads can share it:
///   moments  any split of the chunks over threads
///   merge    once; gives the affine map of each channel
///   apply    any split of the pixels over threads
/// The result does not depend on the splits.
///
/// The image may lie in two sources side by side in channels, as if they had been concatenated:
/// the first channels - channels2 channels in src, the last channels2 in src2.
struct GroupNorm {
  const void* src = nullptr;   ///< [pixels, channels - channels2], rows ld_src apart
  const void* src2 = nullptr;  ///< [pixels, channels2], rows ld_src2 apart; null: no second source
  /// [pixels, channels], rows ld_dst apart; may be src if src2 is null and both are of one type
  void* dst = nullptr;
  size_t ld_src = 0;
  size_t ld_src2 = 0;
  size_t ld_dst = 0;
  size_t pixels = 0;
  size_t channels = 0;   ///< of both sources
  size_t channels2 = 0;  ///< of src2; 0 if that is null
  size_t groups = 0;     ///< divides channels; a group is channels / groups neighbours, which may
                         ///< lie on both sides of the border
  const float* gamma = nullptr;              ///< [channels], or null for 1
  const float* beta = nullptr;               ///< [channels], or null for 0
  float eps = 1e-5f;                         ///< added to the variance
  Activation activation = Activation::none;  ///< applied to the normalised value

  bool src_u8 = false;               ///< src is u8; there is no src2 then
  const float* src_scale = nullptr;  ///< [channels], if src is u8
  int src_zero_point = 128;
  bool dst_u8 = false;                       ///< dst is u8
  const float* dst_inverse_scale = nullptr;  ///< [channels], if dst is u8
  int dst_zero_point = 128;
};

/// Mean and sum of squared deviations from it, of one group in one chunk of pixels.
struct GroupMoments {
  double mean;
  double m2;
};

/// Pixels in a chunk of statistics. A constant, so that sums do not depend on the thread count; 64
/// bounds the rounding error of the shifted sums by 64 f32 roundings whatever the data.
inline constexpr size_t kGroupNormChunk = 64;

constexpr size_t group_norm_chunks(size_t pixels) {
  return (pixels + kGroupNormChunk - 1) / kGroupNormChunk;
}

/// Layer normalisation over the last dimension: each row to mean 0 and variance 1, then
/// * gamma + beta. Variance is the biased one (divided by channels), as in torch.
struct LayerNorm {
  const void* src = nullptr;  ///< [rows, channels], rows ld_src apart
  void* dst = nullptr;        ///< [rows, channels], rows ld_dst apart; may be src if of its type
  size_t ld_src = 0;
  size_t ld_dst = 0;
  size_t channels = 0;
  const float* gamma = nullptr;  ///< [channels], or null for 1
  const float* beta = nullptr;   ///< [channels], or null for 0
  float eps = 1e-5f;             ///< added to the variance; 1e-12 for BERT

  bool src_u8 = false;               ///< src is u8
  const float* src_scale = nullptr;  ///< [channels], if src is u8
  int src_zero_point = 128;
  bool dst_u8 = false;                       ///< dst is u8
  const float* dst_inverse_scale = nullptr;  ///< [channels], if dst is u8
  int dst_zero_point = 128;
};

/// One row of the table: the normalisations of activations of `dtype` on CPUs that have `needs`.
struct NormKernels {
  const char* name;
  DType dtype;  ///< f32 or bf16
  IsaSet needs;
  /// Fills moments[chunk * groups + group] for chunks [chunk0, chunk1).
  void (*group_norm_moments)(const GroupNorm& norm, size_t chunk0, size_t chunk1,
                             GroupMoments* moments) noexcept;
  /// All chunks' moments -> y = x * scale[c] + shift[c] for values x; scale, shift: [channels].
  void (*group_norm_merge)(const GroupNorm& norm, const GroupMoments* moments, float* scale,
                           float* shift) noexcept;
  /// dst = activation(src * scale + shift) for pixels [pixel0, pixel1).
  void (*group_norm_apply)(const GroupNorm& norm, const float* scale, const float* shift,
                           size_t pixel0, size_t pixel1) noexcept;
  /// Rows [row0, row1).
  void (*layer_norm)(const LayerNorm& norm, size_t row0, size_t row1) noexcept;
};

/// By dtype (f32, bf16); of one dtype the best first, the scalar reference last.
std::span<const NormKernels> norm_kernels();
/// The first row for `dtype` that `isa` can run.
const NormKernels& select_norm(IsaSet isa, DType dtype);
/// For kernels/registry.h.
void list_norm_kernels(IsaSet isa, std::vector<KernelInfo>& out);

}  // namespace edgefusion::kernels
