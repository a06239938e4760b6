#pragma once

// Which queries see which keys of a block. Include it where attention_bf16_math-inl.h may be
// included.

#include "kernels/attention/attention_bf16_stream-inl.h"

namespace edgefusion::kernels {
namespace {

/// Query i of a tile sees the block's keys below `count` whose number is at most row + i, or any
/// number if not causal.
struct Sight {
  const int32_t* index;
  size_t count;
  int32_t row;
  bool causal;

  /// True if a query of the tile may not see one of keys [key, key + keys).
  bool hides(size_t key, size_t keys) const {
    return key + keys > count || (causal && index[key + keys - 1] > row);
  }

  /// Scores of a key and of queries [query, query + kLanes), -inf where it is not seen.
  __m512 hide(size_t key, size_t query, __m512 scores) const {
    const __m512 hidden = _mm512_set1_ps(-__builtin_inff());
    if (key >= count) return hidden;
    if (!causal) return scores;
    const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i rows =
        _mm512_add_epi32(lanes, _mm512_set1_epi32(row + static_cast<int32_t>(query)));
    const __mmask16 unseen = _mm512_cmplt_epi32_mask(rows, _mm512_set1_epi32(index[key]));
    return _mm512_mask_mov_ps(scores, unseen, hidden);
  }
};

inline Sight sight_of(const Attention& a, const Block& block, const Tile& tile) {
  return {block.index, block.count, static_cast<int32_t>(tile.row), a.causal};
}

}  // namespace
}  // namespace edgefusion::kernels
