// Included by row_block-inl.h, once per target: sums for a panel of so few columns that vectors of
// columns would be mostly padding (the last convolution of a decoder has 3). The lanes hold
// successive k of one sum instead and are added up at the end of a depth block.

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

/// From half a vector on, whole vectors of columns are as good.
inline constexpr int kNarrowColumns = HWY_MIN(4, kLanes / 2);
inline constexpr int kNarrowRows = 4;

/// The columns of a panel one after the other, every segment filled up with zeros to whole vectors.
struct NarrowWeights {
  const float* columns;
  int64_t column_stride;
};

HWY_INLINE int64_t whole_vectors(int64_t length) { return (length + kLanes - 1) / kLanes * kLanes; }

// Zeros of all segments of a block have room: they are short only where there are many.
static_assert(kNarrowColumns * (kMaxBlockDepth + kMaxBlockSegments * (kLanes - 1)) <=
              kMaxBlockDepth * kColumns);

template <class T>
HWY_INLINE NarrowWeights narrow_weights(const RowBlock& block) {
  const DF d;
  int64_t stride = 0;
  for (int s = 0; s < block.segment_count; ++s) stride += whole_vectors(block.segments[s].length);
  for (int64_t i = 0; i < block.columns * stride; i += kLanes) {
    hn::Store(hn::Zero(d), d, block.expanded + i);
  }
  const T* panel = static_cast<const T*>(block.panel);
  float* place = block.expanded;
  HWY_ALIGN float values[kLanes];
  for (int s = 0; s < block.segment_count; ++s) {
    for (int64_t k = 0; k < block.segments[s].length; ++k, panel += kColumns) {
      hn::Store(expand(d, panel), d, values);
      for (int c = 0; c < block.columns; ++c) place[c * stride + k] = values[c];
    }
    place += whole_vectors(block.segments[s].length);
  }
  return {block.expanded, stride};
}

template <int kRows, int kCount>
HWY_INLINE void narrow_step(const VF (&left)[kRows], const float* weights, int64_t stride,
                            VF (&sum)[kRows][kCount]) {
  const DF d;
#pragma GCC unroll 4
  for (int c = 0; c < kCount; ++c) {
    const VF right = hn::LoadU(d, weights + c * stride);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) sum[r][c] = hn::MulAdd(left[r], right, sum[r][c]);
  }
}

template <int kRows, int kCount>
HWY_NOINLINE void narrow_tile(const RowBlock& block, int64_t row, const NarrowWeights& weights,
                              const TileTarget& target) {
  const DF d;
  VF sum[kRows][kCount], left[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int c = 0; c < kCount; ++c) sum[r][c] = hn::Zero(d);
  }
  const float* right = weights.columns;
  for (int s = 0; s < block.segment_count; ++s) {
    const DepthSegment& segment = block.segments[s];
    const float* a[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) a[r] = segment.rows[row + r] + segment.offset;
    int64_t k = 0;
    for (; k + kLanes <= segment.length; k += kLanes, right += kLanes) {
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) left[r] = hn::LoadU(d, a[r] + k);
      narrow_step(left, right, weights.column_stride, sum);
    }
    if (k == segment.length) continue;
    for (int r = 0; r < kRows; ++r) left[r] = load_some(d, a[r] + k, segment.length - k);
    narrow_step(left, right, weights.column_stride, sum);
    right += kLanes;
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    float* dst = target.dst + r * target.stride;
    const float* start = target.start != nullptr ? target.start : dst;
#pragma GCC unroll 4
    for (int c = 0; c < kCount; ++c) {
      dst[c] = start[c] + hn::GetLane(hn::SumOfLanes(d, sum[r][c]));
    }
  }
}

template <int kCount>
HWY_INLINE void narrow_columns(int rows, const RowBlock& block, int64_t row,
                               const NarrowWeights& weights, const TileTarget& target) {
  int r = 0;
  for (; r + kNarrowRows <= rows; r += kNarrowRows) {
    narrow_tile<kNarrowRows, kCount>(block, row + r, weights,
                                     {target.dst + r * target.stride, target.stride, target.start});
  }
  for (; r < rows; ++r) {
    narrow_tile<1, kCount>(block, row + r, weights,
                           {target.dst + r * target.stride, target.stride, target.start});
  }
}

/// sum_rows for a panel of at most kNarrowColumns columns.
HWY_INLINE void narrow_rows(int rows, const RowBlock& block, int64_t row,
                            const NarrowWeights& weights, const TileTarget& target) {
  if (block.columns == 1) return narrow_columns<1>(rows, block, row, weights, target);
  if (block.columns == 2) return narrow_columns<2>(rows, block, row, weights, target);
  if (block.columns == 3) return narrow_columns<3>(rows, block, row, weights, target);
  narrow_columns<4>(rows, block, row, weights, target);
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
