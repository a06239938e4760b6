// Streaming attention with queries along the lanes of vectors. Per tile of queries, for each block
// of keys:
//   S[key, query] = sum_c K[key, c] * Qt[c, query]      outer products: K is broadcast
//   M, P, L       = running maximum, 2^(S - M), running sum, query by query: no lane ever meets
//                   another one, so a row does not depend on the rows it shares a tile with
//   Ot[c, query]  = Ot * 2^(old M - new M) + sum_key V[key, c] * P[key, query]
// In this orientation K and V are used as they are, whatever the head size, without padding; only
// the small tiles of Q and O are transposed. Rows of bf16 become f32 where they are copied, and are
// rounded once, at the end. Source: Dao et al. 2022 (the recurrence).

#include "kernels/attention/attention_rows.h"
#include "kernels/highway_dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/attention/transpose-inl.h"
#include "kernels/elementwise/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

constexpr size_t kLanes = hn::MaxLanes(D());
/// Vectors of queries in a tile, and rows of the outer products: kRows * kVectors accumulators,
/// kVectors operands and a broadcast fill the 32 (16 before AVX-512) vector registers.
constexpr size_t kVectors = 3;
constexpr size_t kRows = (HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON) ? 8 : 4;
constexpr size_t kTile = kVectors * kLanes;
/// Keys in a block: small enough for P (block x tile) to stay in the L1 cache. Sums are kept
/// per block before they join the running ones, which also keeps their rounding error low.
constexpr size_t kKeyBlock = 64;
/// Columns of Q and K multiplied before the next rows of K: keeps the part of Qt in L1.
constexpr size_t kDepth = 128;
/// Tiles that meet a block of keys before the next block, so that keys are fetched and copied
/// seldom. Bounded by what the tiles take of an L2 cache.
constexpr size_t kMaxGroup = 8;
constexpr size_t kGroupBytes = 512 * 1024;
constexpr size_t kAlignment = 64;  // bytes: the widest vector and a cache line

/// The running state of a tile, in the caller's scratch; matrices have kTile columns.
struct Tile {
  float* q;        ///< Qt [head_size, kTile], times scale * log2(e)
  float* out;      ///< Ot [value_size, kTile]
  float* scores;   ///< S, then P [kKeyBlock, kTile]
  float* largest;  ///< M [kTile]
  float* total;    ///< L [kTile]
  float* fade;     ///< 2^(old M - new M) [kTile]
};

/// Keys of a block, the masked ones left out, copied together: rows as far apart as those of
/// several heads fall on few sets of the L1 cache and drive each other out.
struct KeyBlock {
  float* k;  ///< [kKeyBlock, ldk]; rows beyond `count` hold old keys or zeros
  float* v;  ///< [kKeyBlock, ldv]
  size_t ldk;
  size_t ldv;
  size_t index[kKeyBlock];
  size_t count;
};

/// Floats of one tile's own state, a multiple of the alignment.
size_t tile_floats(size_t head_size, size_t value_size) {
  return kTile * (head_size + value_size + 3);
}

size_t group_tiles(size_t head_size, size_t value_size) {
  const size_t fitting = kGroupBytes / (tile_floats(head_size, value_size) * sizeof(float));
  return HWY_MAX(HWY_MIN(fitting, kMaxGroup), size_t{1});
}

/// Floats from one copied row to the next: an odd number of cache lines, which spreads over all
/// sets.
size_t copied_stride(size_t size) {
  constexpr size_t kLine = 64 / sizeof(float);
  return kLine * (((size + kLine - 1) / kLine) | 1);
}

size_t scratch_floats(size_t head_size, size_t value_size) noexcept {
  return kTile * kKeyBlock + kKeyBlock * (copied_stride(head_size) + copied_stride(value_size)) +
         group_tiles(head_size, value_size) * tile_floats(head_size, value_size) +
         kAlignment / sizeof(float);
}

float* align(float* scratch) {
  constexpr uintptr_t kMask = kAlignment - 1;
  return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(scratch) + kMask) & ~kMask);
}

/// Scratch, aligned: P | K | V | a tile's state | the next tile's | ...
KeyBlock place_block(const Attention& a, float* scratch) {
  KeyBlock block;
  block.ldk = copied_stride(a.head_size);
  block.ldv = copied_stride(a.value_size);
  block.k = scratch + kTile * kKeyBlock;
  block.v = block.k + kKeyBlock * block.ldk;
  block.count = 0;
  // A block may be short: what it multiplies beyond its keys is ignored, but must be there.
  for (size_t i = 0; i < kKeyBlock * block.ldk; ++i) block.k[i] = 0.0f;
  return block;
}

/// The state of the group's tile number `number`; S and P are shared.
Tile place_tile(const Attention& a, const KeyBlock& block, float* scratch, size_t number) {
  Tile tile;
  tile.scores = scratch;
  tile.q = block.v + kKeyBlock * block.ldv + number * tile_floats(a.head_size, a.value_size);
  tile.out = tile.q + a.head_size * kTile;
  tile.largest = tile.out + a.value_size * kTile;
  tile.total = tile.largest + kTile;
  tile.fade = tile.total + kTile;
  return tile;
}

template <class T>
const T* row_of(const void* data, size_t row, size_t stride) {
  return static_cast<const T*>(data) + row * stride;
}

template <class T>
HWY_INLINE void copy_row(const T* src, float* dst, size_t count) {
  const D d;
  if (count < kLanes) {
    for (size_t c = 0; c < count; ++c) dst[c] = load_element(src + c);
    return;
  }
  for (size_t c = 0; c + kLanes <= count; c += kLanes) {
    hn::StoreU(load_elements(d, src + c), d, dst + c);
  }
  hn::StoreU(load_elements(d, src + count - kLanes), d, dst + count - kLanes);
}

/// Takes visible keys from `next` on until the block is full; returns the key after the last.
template <class T>
size_t collect_keys(const Attention& a, size_t next, size_t end, KeyBlock& block) {
  block.count = 0;
  for (; next < end && block.count < kKeyBlock; ++next) {
    if (a.key_mask != nullptr && a.key_mask[next] == 0.0f) continue;
    copy_row(row_of<T>(a.k, next, a.ldk), block.k + block.count * block.ldk, a.head_size);
    copy_row(row_of<T>(a.v, next, a.ldv), block.v + block.count * block.ldv, a.value_size);
    block.index[block.count++] = next;
  }
  return next;
}

/// S[row, 0:kCount vectors] += sum over c in [0, depth) of k[row][c] * q[c, ...], kRows rows.
template <size_t kCount>
HWY_NOINLINE void multiply_scores(const Rows<const float>& k, size_t depth, bool first,
                                  const float* q, float* scores) {
  const D d;
  V sums[kRows][kCount];
  const float* rows[kRows];
  HWY_UNROLL(8)
  for (size_t r = 0; r < kRows; ++r) {
    rows[r] = k.data + r * k.stride;
    for (size_t i = 0; i < kCount; ++i) {
      sums[r][i] = first ? hn::Zero(d) : hn::Load(d, scores + r * kTile + i * kLanes);
    }
  }
  for (size_t c = 0; c < depth; ++c) {
    V operand[kCount];
    for (size_t i = 0; i < kCount; ++i) operand[i] = hn::Load(d, q + c * kTile + i * kLanes);
    HWY_UNROLL(8)
    for (size_t r = 0; r < kRows; ++r) {
      const V broadcast = hn::Set(d, rows[r][c]);
      for (size_t i = 0; i < kCount; ++i) {
        sums[r][i] = hn::MulAdd(broadcast, operand[i], sums[r][i]);
      }
    }
  }
  HWY_UNROLL(8)
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t i = 0; i < kCount; ++i) {
      hn::Store(sums[r][i], d, scores + r * kTile + i * kLanes);
    }
  }
}

template <size_t kCount>
void score_block(const Attention& a, const KeyBlock& block, const Tile& tile) {
  for (size_t c0 = 0; c0 < a.head_size; c0 += kDepth) {
    const size_t depth = HWY_MIN(a.head_size - c0, kDepth);
    for (size_t key = 0; key < block.count; key += kRows) {
      multiply_scores<kCount>({block.k + key * block.ldk + c0, block.ldk}, depth, c0 == 0,
                              tile.q + c0 * kTile, tile.scores + key * kTile);
    }
  }
}

/// Scores of keys after their query become -inf.
template <size_t kCount>
void hide_later_keys(const KeyBlock& block, size_t first_row, float* scores) {
  const D d;
  const hn::RebindToSigned<D> di;
  const V hidden = hn::Set(d, -HUGE_VALF);
  for (size_t key = 0; key < block.count; ++key) {
    // Row numbers relative to the tile: small, so they are exact.
    const auto ahead = static_cast<ptrdiff_t>(block.index[key]) - static_cast<ptrdiff_t>(first_row);
    const V bound = hn::Set(d, static_cast<float>(ahead));
    for (size_t i = 0; i < kCount; ++i) {
      const V row = hn::ConvertTo(d, hn::Iota(di, static_cast<int32_t>(i * kLanes)));
      float* at = scores + key * kTile + i * kLanes;
      hn::Store(hn::IfThenElse(hn::Lt(row, bound), hidden, hn::Load(d, at)), d, at);
    }
  }
}

/// S -> P; the maximum, the sum and the fade of each query.
template <size_t kCount>
void soften_block(size_t keys, const Tile& tile) {
  const D d;
  V largest[kCount];
  for (size_t i = 0; i < kCount; ++i) largest[i] = hn::Load(d, tile.largest + i * kLanes);
  for (size_t key = 0; key < keys; ++key) {
    for (size_t i = 0; i < kCount; ++i) {
      largest[i] = hn::Max(largest[i], hn::Load(d, tile.scores + key * kTile + i * kLanes));
    }
  }
  V total[kCount];
  for (size_t i = 0; i < kCount; ++i) total[i] = hn::Zero(d);
  for (size_t key = 0; key < keys; ++key) {
    for (size_t i = 0; i < kCount; ++i) {
      float* at = tile.scores + key * kTile + i * kLanes;
      const V weight = exp2_nonpositive(d, hn::Sub(hn::Load(d, at), largest[i]));
      total[i] = hn::Add(total[i], weight);
      hn::Store(weight, d, at);
    }
  }
  for (size_t i = 0; i < kCount; ++i) {
    const V old = hn::Load(d, tile.largest + i * kLanes);
    const V fade = exp2_nonpositive(d, hn::Sub(old, largest[i]));
    const V before = hn::Load(d, tile.total + i * kLanes);
    hn::Store(hn::MulAdd(before, fade, total[i]), d, tile.total + i * kLanes);
    hn::Store(largest[i], d, tile.largest + i * kLanes);
    hn::Store(fade, d, tile.fade + i * kLanes);
  }
}

/// Ot[c, ...] = Ot * fade + sum over keys of V[key, column + c] * P[key, ...], c in [0, kColumns).
template <size_t kColumns, size_t kCount>
HWY_NOINLINE void multiply_values(const KeyBlock& block, size_t column, const Tile& tile) {
  const D d;
  V sums[kColumns][kCount];
  HWY_UNROLL(8)
  for (size_t c = 0; c < kColumns; ++c) {
    for (size_t i = 0; i < kCount; ++i) sums[c][i] = hn::Zero(d);
  }
  const float* weights = tile.scores;
  const float* v = block.v + column;
  for (size_t key = 0; key < block.count; ++key, weights += kTile, v += block.ldv) {
    V operand[kCount];
    for (size_t i = 0; i < kCount; ++i) operand[i] = hn::Load(d, weights + i * kLanes);
    HWY_UNROLL(8)
    for (size_t c = 0; c < kColumns; ++c) {
      const V broadcast = hn::Set(d, v[c]);
      for (size_t i = 0; i < kCount; ++i) {
        sums[c][i] = hn::MulAdd(broadcast, operand[i], sums[c][i]);
      }
    }
  }
  float* out = tile.out + column * kTile;
  HWY_UNROLL(8)
  for (size_t c = 0; c < kColumns; ++c) {
    for (size_t i = 0; i < kCount; ++i) {
      float* at = out + c * kTile + i * kLanes;
      const V fade = hn::Load(d, tile.fade + i * kLanes);
      hn::Store(hn::MulAdd(hn::Load(d, at), fade, sums[c][i]), d, at);
    }
  }
}

template <size_t kCount>
void value_block(const Attention& a, const KeyBlock& block, const Tile& tile) {
  size_t c = 0;
  for (; c + kRows <= a.value_size; c += kRows) multiply_values<kRows, kCount>(block, c, tile);
  for (; c < a.value_size; ++c) multiply_values<1, kCount>(block, c, tile);
}

template <class T>
void start_tile(const Attention& a, size_t row, size_t rows, const Tile& tile) {
  constexpr float kLog2E = 1.44269504f;
  const Rows<const T> q{row_of<T>(a.q, row, a.ldq), a.ldq};
  load_transposed<kTile>(q, rows, a.head_size, a.scale * kLog2E, tile.q);
  for (size_t i = 0; i < a.value_size * kTile; ++i) tile.out[i] = 0.0f;
  for (size_t i = 0; i < kTile; ++i) {
    tile.total[i] = 0.0f;
    // Finite, so that a row of -inf scores gives weights of 2^-inf = 0 and not inf - inf.
    tile.largest[i] = -3.4e38f;
  }
}

/// Divides by the sums; rows without any key are zeros already.
template <class T>
void finish_tile(const Attention& a, size_t row, size_t rows, const Tile& tile) {
  const D d;
  for (size_t i = 0; i < kTile; i += kLanes) {
    const V total = hn::Load(d, tile.total + i);
    const V one = hn::Set(d, 1.0f);
    const V empty_as_one = hn::IfThenElse(hn::Eq(total, hn::Zero(d)), one, total);
    hn::Store(hn::Div(one, empty_as_one), d, tile.total + i);
  }
  const Rows<T> out{static_cast<T*>(a.out) + row * a.ldo, a.ldo};
  store_transposed<kTile>(tile.out, tile.total, rows, a.value_size, out);
}

/// One block of keys for the query rows [row, row + rows), at most kCount vectors of them.
template <size_t kCount>
void attend_block(const Attention& a, const KeyBlock& block, size_t row, const Tile& tile) {
  score_block<kCount>(a, block, tile);
  if (a.causal && block.index[block.count - 1] > row) {
    hide_later_keys<kCount>(block, row, tile.scores);
  }
  soften_block<kCount>(block.count, tile);
  value_block<kCount>(a, block, tile);
}

void attend_block(const Attention& a, const KeyBlock& block, size_t row, size_t rows,
                  const Tile& tile) {
  if (a.causal && block.index[0] >= row + rows) return;
  // A last tile of few rows leaves out whole vectors.
  if (rows > 2 * kLanes) {
    attend_block<3>(a, block, row, tile);
  } else if (rows > kLanes) {
    attend_block<2>(a, block, row, tile);
  } else {
    attend_block<1>(a, block, row, tile);
  }
}

/// Query rows [row0, row1), at most a group of tiles.
template <class T>
void attend_group(const Attention& a, size_t row0, size_t row1, float* scratch) {
  KeyBlock block = place_block(a, scratch);
  const auto for_each_tile = [&](auto&& body) {
    for (size_t row = row0, number = 0; row < row1; row += kTile, ++number) {
      body(row, HWY_MIN(row1 - row, kTile), place_tile(a, block, scratch, number));
    }
  };
  for_each_tile(
      [&](size_t row, size_t rows, const Tile& tile) { start_tile<T>(a, row, rows, tile); });
  const size_t end = a.causal ? HWY_MIN(a.keys, row1) : a.keys;
  for (size_t next = 0; next < end;) {
    next = collect_keys<T>(a, next, end, block);
    if (block.count == 0) break;
    for_each_tile([&](size_t row, size_t rows, const Tile& tile) {
      attend_block(a, block, row, rows, tile);
    });
  }
  for_each_tile(
      [&](size_t row, size_t rows, const Tile& tile) { finish_tile<T>(a, row, rows, tile); });
}

template <class T>
void run(const Attention& a, size_t row0, size_t row1, float* scratch) noexcept {
  const size_t group_rows = group_tiles(a.head_size, a.value_size) * kTile;
  for (size_t row = row0; row < row1; row += group_rows) {
    attend_group<T>(a, row, HWY_MIN(row1, row + group_rows), align(scratch));
  }
}

}  // namespace

AttentionFunctions attention_functions(DType dtype) {
  return {scratch_floats, dtype == DType::bf16 ? run<uint16_t> : run<float>, kTile};
}
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace edgefusion::kernels {

AttentionVariants attention_variants() {
  return EF_HIGHWAY_VARIANTS(AttentionFunctions(*)(DType), attention_functions);
}

}  // namespace edgefusion::kernels
#endif  // HWY_ONCE
