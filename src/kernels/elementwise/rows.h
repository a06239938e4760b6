#pragma once

#include <cstddef>

namespace edgefusion::kernels {

// Moving rows and small tables: memory copies and set-up work, the same on every CPU.

/// dst[r, 0:row_bytes] = src[r, 0:row_bytes] for rows [row0, row1): concat and slice along the last
/// dimension of channels-last data of any type. Strides in bytes. Rows must not overlap.
struct CopyRows {
  const void* src = nullptr;
  void* dst = nullptr;
  size_t src_stride_bytes = 0;
  size_t dst_stride_bytes = 0;
  size_t row_bytes = 0;
};
void copy_rows(const CopyRows& args, size_t row0, size_t row1) noexcept;

/// Nearest-neighbour resize of one channels-last image: dst[y, x] = src[sy, sx] with
/// sy = floor(y * (src_height / dst_height)) rounded as torch interpolate(mode="nearest") does when
/// it is given a size.
struct ResizeNearest {
  const void* src = nullptr;  ///< [src_height, src_width, channels], dense, of any type
  void* dst = nullptr;        ///< [dst_height, dst_width, channels], dense; must not overlap src
  size_t src_height = 0;
  size_t src_width = 0;
  size_t dst_height = 0;
  size_t dst_width = 0;
  size_t pixel_bytes = 0;  ///< channels * bytes of an element
};
/// Output lines [line0, line1) of dst_height.
void resize_nearest(const ResizeNearest& args, size_t line0, size_t line1) noexcept;

/// Sinusoidal embedding of a timestep: dst[0:size/2] = sin(t f_i), dst[size/2:] = cos(t f_i)
/// (halves swapped if cos_first), f_i = max_period^(-i / (size/2 - frequency_shift)); an odd last
/// element is 0.
/// Source: diffusers get_timestep_embedding (flip_sin_to_cos = cos_first,
/// downscale_freq_shift = frequency_shift), f32 as there.
struct TimestepEmbedding {
  size_t size = 320;
  bool cos_first = true;
  float frequency_shift = 0.0f;
  float max_period = 10000.0f;
  float scale =
      1.0f;  ///< multiplies the angle; LCM's guidance embedding passes w * 1000 as timestep
};
void timestep_embedding(const TimestepEmbedding& args, float timestep, float* dst) noexcept;

}  // namespace edgefusion::kernels
