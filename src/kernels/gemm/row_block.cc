#include "kernels/gemm/row_block.h"

#include <algorithm>

namespace edgefusion::kernels {
namespace {

/// Walks the depth of a product in blocks: whole taps while they fit, else even pieces of one.
class DepthWalk {
 public:
  DepthWalk(const BlockedProduct& product, const float** tables, int64_t block_rows)
      : product_(product), tables_(tables), block_rows_(block_rows) {}

  /// Fills segments of the next block; false at the end.
  bool next() {
    begin_ += depth_;
    count_ = 0;
    depth_ = 0;
    while (tap_ < product_.taps && count_ < kMaxBlockSegments) {
      const int64_t length = piece();
      if (depth_ + length > kMaxBlockDepth) break;
      segments_[count_++] = {tables_ + (source_ * product_.taps + tap_) * block_rows_, offset_,
                             length};
      depth_ += length;
      advance(length);
    }
    return count_ > 0;
  }

  const DepthSegment* segments() const { return segments_; }
  int count() const { return count_; }
  int64_t depth() const { return depth_; }
  int64_t begin() const { return begin_; }
  bool first() const { return begin_ == 0; }
  bool last() const { return tap_ == product_.taps; }

 private:
  int64_t piece() const {
    const int64_t channels = product_.channels[source_];
    const int64_t pieces = (channels + kMaxBlockDepth - 1) / kMaxBlockDepth;
    const int64_t even = ((channels + pieces - 1) / pieces + 7) / 8 * 8;
    return std::min({even, channels - offset_, kMaxBlockDepth});
  }

  void advance(int64_t length) {
    offset_ += length;
    if (offset_ < product_.channels[source_]) return;
    offset_ = 0;
    if (++source_ < product_.sources()) return;
    source_ = 0;
    ++tap_;
  }

  const BlockedProduct& product_;
  const float** tables_;
  int64_t block_rows_;
  int64_t tap_ = 0, source_ = 0, offset_ = 0;
  int64_t begin_ = 0, depth_ = 0;
  int count_ = 0;
  DepthSegment segments_[kMaxBlockSegments];
};

const char* panel_at(const BlockedProduct& p, const Tile& tile, int64_t panel, int64_t k) {
  const int64_t element = (panel * p.depth() + k) * tile.columns;
  return static_cast<const char*>(p.packed_weights) + element * size_of(p.weights);
}

/// `epilogue` moved to the block's first row and column.
Epilogue epilogue_at(const Epilogue& epilogue, int64_t row, int64_t column) {
  Epilogue moved = epilogue;
  if (moved.bias != nullptr) moved.bias += column;
  if (moved.residual != nullptr) moved.residual += row * moved.residual_stride + column;
  return moved;
}

}  // namespace

void run_blocked(const BlockedProduct& product, const GemmRange& range, const RowFinder& finder,
                 const BlockScratch& scratch, const Tile& tile, RowBlockFunction block) {
  for (int64_t row = range.row_begin; row < range.row_end; row += tile.block_rows) {
    const int64_t rows = std::min<int64_t>(tile.block_rows, range.row_end - row);
    finder.find(finder.context, row, rows, scratch.tables);
    DepthWalk walk(product, scratch.tables, tile.block_rows);
    while (walk.next()) {
      for (int64_t panel = range.panel_begin; panel < range.panel_end; ++panel) {
        const int64_t column = panel * tile.columns;
        RowBlock job;
        job.segments = walk.segments();
        job.segment_count = walk.count();
        job.depth = walk.depth();
        job.rows = rows;
        job.panel = panel_at(product, tile, panel, walk.begin());
        job.next_panel = panel + 1 < range.panel_end
                             ? panel_at(product, tile, panel + 1, walk.begin())
                             : nullptr;
        job.expanded = scratch.expanded;
        job.columns = static_cast<int>(std::min<int64_t>(tile.columns, product.outputs - column));
        job.first = walk.first();
        job.last = walk.last();
        job.dst = product.dst + row * product.dst_stride + column;
        job.dst_stride = product.dst_stride;
        job.epilogue = epilogue_at(product.epilogue, row, column);
        block(job);
      }
    }
  }
}

std::string kernel_name(std::string_view op, DType weights, const Tile& tile,
                        std::string_view isa) {
  return std::string(op) + "_f32" + std::string(to_string(weights)) + "f32_" +
         std::to_string(tile.rows) + "x" + std::to_string(tile.columns) + "_" + std::string(isa);
}

}  // namespace edgefusion::kernels
