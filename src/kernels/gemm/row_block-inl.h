// Included by row_block_highway.cc, once per target.

#include <type_traits>

#include "hwy/cache_control.h"
#include "kernels/elementwise/activation-inl.h"
#include "kernels/elementwise/vector_tail-inl.h"
#include "kernels/gemm/row_block.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;

#if HWY_TARGET == HWY_AVX3
inline constexpr Tile kTile = kTileAvx512;
#elif HWY_TARGET == HWY_AVX2
inline constexpr Tile kTile = kTileAvx2;
#elif HWY_TARGET == HWY_NEON
inline constexpr Tile kTile = kTileNeon;
#else
inline constexpr Tile kTile = kTileSse4;
#endif
inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(DF()));
inline constexpr int kColumns = kTile.columns;
static_assert(kColumns == 2 * kLanes);

// ---- Expansion of a panel to f32, exactly ----

HWY_INLINE VF expand(DF, const float* p) { return hn::Load(DF(), p); }

HWY_INLINE VF expand(DF d, const hwy::bfloat16_t* p) {
  const hn::Rebind<uint16_t, DF> d16;
  const hn::Rebind<uint32_t, DF> d32;
  const auto bits = hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p));
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, bits)));
}

#if HWY_TARGET == HWY_SSE4
// No instruction for it. Moved into place, a half is 2^-112 of its value, subnormals included; what
// then is 2^16 or more was infinity or NaN.
HWY_INLINE VF expand(DF d, const hwy::float16_t* p) {
  const hn::Rebind<uint16_t, DF> d16;
  const hn::Rebind<uint32_t, DF> d32;
  const auto bits = hn::PromoteTo(d32, hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p)));
  const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(d32, 0x8000u)));
  const auto magnitude = hn::ShiftLeft<13>(hn::And(bits, hn::Set(d32, 0x7fffu)));
  const VF scaled = hn::Mul(hn::BitCast(d, magnitude), hn::Set(d, 0x1p112f));
  const VF special = hn::BitCast(d, hn::Or(magnitude, hn::Set(d32, 0x7f800000u)));
  const VF value = hn::IfThenElse(hn::Ge(scaled, hn::Set(d, 65536.0f)), special, scaled);
  return hn::Or(value, hn::BitCast(d, sign));
}
#else
HWY_INLINE VF expand(DF d, const hwy::float16_t* p) {
  const hn::Rebind<hwy::float16_t, DF> d16;
  return hn::PromoteTo(d, hn::LoadU(d16, p));
}
#endif

/// The block's panel in f32: as packed, or expanded into scratch.
template <class T>
HWY_INLINE const float* expanded_panel(const RowBlock& block) {
  const T* panel = static_cast<const T*>(block.panel);
  if constexpr (std::is_same_v<T, float>) {
    return panel;
  } else {
    const DF d;
    const int64_t count = block.depth * kColumns;
    for (int64_t i = 0; i < count; i += kLanes)
      hn::Store(expand(d, panel + i), d, block.expanded + i);
    return block.expanded;
  }
}

// ---- Sums ----

/// Where a tile's sums start and where they go.
struct TileTarget {
  float* dst;
  int64_t stride;
  const float* start;  ///< bias of the panel, [kColumns]; null: go on from dst
};

inline constexpr int64_t kLineBytes = 64;  // of a cache

/// kRows x kVectors vectors of sums, in registers over the whole depth of the block.
template <int kRows, int kVectors>
HWY_NOINLINE void sum_tile(const RowBlock& block, int64_t row, const float* HWY_RESTRICT panel,
                           const TileTarget& target) {
  const DF d;
  VF sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const float* from = target.start != nullptr ? target.start : target.dst + r * target.stride;
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::LoadU(d, from + v * kLanes);
  }
  for (int s = 0; s < block.segment_count; ++s) {
    const DepthSegment& segment = block.segments[s];
    const float* a[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) a[r] = segment.rows[row + r] + segment.offset;
#pragma GCC unroll 2
    for (int64_t k = 0; k < segment.length; ++k, panel += kColumns) {
      VF b[kVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) b[v] = hn::Load(d, panel + v * kLanes);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const VF left = hn::Set(d, a[r][k]);
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(left, b[v], sum[r][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      hn::StoreU(sum[r][v], d, target.dst + r * target.stride + v * kLanes);
    }
  }
}

/// Calls sum_tile for a number of rows known only now.
template <int kRows, int kVectors>
HWY_INLINE void sum_rows(int rows, const RowBlock& block, int64_t row, const float* panel,
                         const TileTarget& target) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return sum_rows<kRows - 1, kVectors>(rows, block, row, panel, target);
  }
  sum_tile<kRows, kVectors>(block, row, panel, target);
}

HWY_INLINE void prefetch_bytes(const void* from, int64_t bytes) {
  for (int64_t b = 0; b < bytes; b += kLineBytes) hwy::Prefetch(static_cast<const char*>(from) + b);
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#include "kernels/gemm/narrow_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

// ---- Epilogue, over a tile that has just been stored ----

struct FinishArgs {
  float* dst;
  int64_t dst_stride;
  const float* residual;  ///< null: none
  int64_t residual_stride;
  bool activation_after_residual;
  int rows;
  int columns;  ///< multiple of the vector
};

template <Activation kKind>
void finish(const FinishArgs& args) {
  const DF d;
  for (int r = 0; r < args.rows; ++r) {
    float* dst = args.dst + r * args.dst_stride;
    const float* residual =
        args.residual + (args.residual != nullptr ? r * args.residual_stride : 0);
    for (int c = 0; c < args.columns; c += kLanes) {
      VF x = hn::LoadU(d, dst + c);
      if (args.residual == nullptr) {
        x = Activate<kKind>()(d, x);
      } else if (args.activation_after_residual) {
        x = Activate<kKind>()(d, hn::Add(x, hn::LoadU(d, residual + c)));
      } else {
        x = hn::Add(Activate<kKind>()(d, x), hn::LoadU(d, residual + c));
      }
      hn::StoreU(x, d, dst + c);
    }
  }
}

HWY_INLINE void finish_tile(Activation activation, const FinishArgs& args) {
  switch (activation) {
    case Activation::none:
      if (args.residual != nullptr) finish<Activation::none>(args);
      return;
    case Activation::relu:
      return finish<Activation::relu>(args);
    case Activation::silu:
      return finish<Activation::silu>(args);
    case Activation::gelu:
      return finish<Activation::gelu>(args);
    case Activation::gelu_tanh:
      return finish<Activation::gelu_tanh>(args);
    case Activation::quick_gelu:
      return finish<Activation::quick_gelu>(args);
    case Activation::tanh:
      return finish<Activation::tanh>(args);
    case Activation::sigmoid:
      return finish<Activation::sigmoid>(args);
  }
}

// ---- A block: tiles of rows against one panel ----

/// A tile whose every column exists goes straight to dst.
template <int kVectors>
HWY_INLINE void whole_tile(const RowBlock& block, int64_t row, int rows, const float* panel,
                           const float* bias) {
  const Epilogue& e = block.epilogue;
  float* dst = block.dst + row * block.dst_stride;
  for (int r = 0; r < rows && row + kTile.rows + r < block.rows; ++r) {
    prefetch_bytes(dst + (kTile.rows + r) * block.dst_stride, kVectors * kLanes * sizeof(float));
  }
  const TileTarget target{dst, block.dst_stride, block.first ? bias : nullptr};
  sum_rows<kTile.rows, kVectors>(rows, block, row, panel, target);
  if (!block.last) return;
  const float* residual = e.residual == nullptr ? nullptr : e.residual + row * e.residual_stride;
  finish_tile(e.activation, {dst, block.dst_stride, residual, e.residual_stride,
                             e.activation_after_residual, rows, kVectors * kLanes});
}

/// A tile with missing columns is made in a buffer of full width. Weights: const float* (a panel)
/// or NarrowWeights.
template <int kVectors, class Weights>
HWY_NOINLINE void edge_tile(const RowBlock& block, int64_t row, int rows, const Weights& weights,
                            const float* bias) {
  constexpr int kWidth = kVectors * kLanes;
  const Epilogue& e = block.epilogue;
  const size_t row_bytes = static_cast<size_t>(block.columns) * sizeof(float);
  float* dst = block.dst + row * block.dst_stride;
  HWY_ALIGN float sums[kTile.rows * kWidth] = {};
  HWY_ALIGN float residual[kTile.rows * kWidth] = {};
  for (int r = 0; r < rows; ++r) {
    if (!block.first) std::memcpy(sums + r * kWidth, dst + r * block.dst_stride, row_bytes);
    if (block.last && e.residual != nullptr) {
      std::memcpy(residual + r * kWidth, e.residual + (row + r) * e.residual_stride, row_bytes);
    }
  }
  const TileTarget target{sums, kWidth, block.first ? bias : nullptr};
  if constexpr (std::is_same_v<Weights, NarrowWeights>) {
    narrow_rows(rows, block, row, weights, target);
  } else {
    sum_rows<kTile.rows, kVectors>(rows, block, row, weights, target);
  }
  if (block.last) {
    finish_tile(e.activation, {sums, kWidth, e.residual == nullptr ? nullptr : residual, kWidth,
                               e.activation_after_residual, rows, kWidth});
  }
  for (int r = 0; r < rows; ++r) {
    std::memcpy(dst + r * block.dst_stride, sums + r * kWidth, row_bytes);
  }
}

template <class T>
HWY_INLINE void wide_block(const RowBlock& block, const float* bias) {
  const float* panel = expanded_panel<T>(block);
  // Every tile asks for its share of the panel that comes next.
  const int64_t panel_bytes = block.depth * kColumns * static_cast<int64_t>(sizeof(T));
  const int64_t share = HWY_MIN(panel_bytes, panel_bytes * kTile.rows / block.rows);
  for (int64_t row = 0; row < block.rows; row += kTile.rows) {
    if (block.next_panel != nullptr) {
      prefetch_bytes(static_cast<const char*>(block.next_panel) + share * (row / kTile.rows),
                     share);
    }
    const int rows = static_cast<int>(HWY_MIN(block.rows - row, kTile.rows));
    if (block.columns == kColumns) {
      whole_tile<2>(block, row, rows, panel, bias);
    } else if (block.columns == kLanes) {
      whole_tile<1>(block, row, rows, panel, bias);
    } else if (block.columns < kLanes) {
      edge_tile<1>(block, row, rows, panel, bias);
    } else {
      edge_tile<2>(block, row, rows, panel, bias);
    }
  }
}

template <class T>
HWY_INLINE void row_block(const RowBlock& block) {
  HWY_ALIGN float bias[kColumns] = {};
  if (block.epilogue.bias != nullptr) {
    std::memcpy(bias, block.epilogue.bias, static_cast<size_t>(block.columns) * sizeof(float));
  }
  if (block.columns > kNarrowColumns) return wide_block<T>(block, bias);
  const NarrowWeights weights = narrow_weights<T>(block);
  for (int64_t row = 0; row < block.rows; row += kTile.rows) {
    const int rows = static_cast<int>(HWY_MIN(block.rows - row, kTile.rows));
    edge_tile<1>(block, row, rows, weights, bias);
  }
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
