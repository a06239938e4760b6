// A linear layer or a convolution as blocks of output pixels against panels, each tap reading its
// pixels in place: no im2col buffer.

#include "kernels/matrix/direct.h"

#include <algorithm>

#include "kernels/conv/pixel_finder.h"
#include "kernels/matrix/pack.h"
#include "kernels/matrix/panel_finish.h"

namespace edgefusion::kernels {
namespace {

/// Products of a panel that are used for a whole block of rows before the next ones: 256 KiB of
/// weights, which stay in L2.
constexpr int64_t kChunkDepth = 4096;

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

int64_t sources(const ConvShape& s) { return s.channels2 > 0 ? 2 : 1; }
int64_t widest(const ConvShape& s) { return std::max(s.channels, s.channels2); }

/// Work memory of one call, cut from the caller's scratch.
struct Work {
  float* sums;              // [block_rows, kPanelColumns]
  const uint16_t** tables;  // [sources * taps, block_rows]
  uint16_t* zeros;          // [widest source]
  RowSegment* segments;     // [pieces of all taps]
  std::byte* prepared;

  static int64_t segment_room(const ConvShape& s) {
    return s.taps() * sources(s) * (1 + widest(s) / kChunkDepth) + 1;
  }

  Work(const MatrixRow& row, const ConvShape& s, void* scratch) {
    auto* at = static_cast<std::byte*>(scratch);
    const auto cut = [&](size_t bytes) {
      std::byte* piece = at;
      at += aligned(bytes);
      return piece;
    };
    const auto rows = static_cast<size_t>(row.panel->block_rows);
    sums = reinterpret_cast<float*>(cut(rows * kPanelColumns * sizeof(float)));
    tables = reinterpret_cast<const uint16_t**>(
        cut(static_cast<size_t>(s.taps() * sources(s)) * rows * sizeof(uint16_t*)));
    zeros = reinterpret_cast<uint16_t*>(cut(static_cast<size_t>(widest(s)) * sizeof(uint16_t)));
    segments = reinterpret_cast<RowSegment*>(
        cut(static_cast<size_t>(segment_room(s)) * sizeof(RowSegment)));
    prepared = at;
  }

  static size_t bytes(const MatrixRow& row, const ConvShape& s) {
    const auto rows = static_cast<size_t>(row.panel->block_rows);
    const PanelKernel& k = *row.panel;
    const size_t prepared_bytes =
        k.prepared_bytes == nullptr ? 0 : k.prepared_bytes(k.block_rows, s.taps() * s.inputs());
    return aligned(rows * kPanelColumns * sizeof(float)) +
           aligned(static_cast<size_t>(s.taps() * sources(s)) * rows * sizeof(uint16_t*)) +
           aligned(static_cast<size_t>(widest(s)) * sizeof(uint16_t)) +
           aligned(static_cast<size_t>(segment_room(s)) * sizeof(RowSegment)) + prepared_bytes;
  }
};

/// The depth of a product, cut into segments, and these into chunks that stay in cache.
class Depth {
 public:
  Depth(const ConvShape& shape, const Work& work, int64_t table_rows, bool in_chunks)
      : segments_(work.segments) {
    const bool whole_blocks =
        shape.channels % kPanelDepth == 0 && shape.channels2 % kPanelDepth == 0;
    chunk_depth_ = in_chunks && whole_blocks ? kChunkDepth : INT64_MAX;
    for (int64_t tap = 0; tap < shape.taps(); ++tap) {
      add({work.tables + tap * table_rows, 0, shape.channels});
      if (shape.channels2 == 0) continue;
      add({work.tables + (shape.taps() + tap) * table_rows, 0, shape.channels2});
    }
  }

  /// Calls body(first segment, count, products before them) for each chunk.
  template <typename Body>
  void for_each_chunk(const Body& body) const {
    int begin = 0;
    int64_t before = 0;
    while (begin < count_) {
      int end = begin;
      int64_t depth = 0;
      while (end < count_ && (end == begin || depth + segments_[end].length <= chunk_depth_)) {
        depth += segments_[end++].length;
      }
      body(begin, end - begin, before);
      before += depth;
      begin = end;
    }
  }

  int count() const { return count_; }

 private:
  void add(RowSegment segment) {
    for (int64_t left = segment.length; left > 0;) {
      const int64_t length = std::min(left, chunk_depth_);
      segments_[count_++] = {segment.rows, segment.offset, length};
      segment.offset += length;
      left -= length;
    }
  }

  RowSegment* segments_;
  int64_t chunk_depth_ = 0;
  int count_ = 0;
};

/// Everything one call shares among its blocks.
struct Call {
  const MatrixRow& row;
  const MatrixArgs& args;
  const GemmRange& range;
  const Work& work;
  const Depth& depth;
  FinishFunction finish;
};

/// Output pixels [pixel, pixel + rows) of one image against all panels of the range.
void run_block(const Call& call, int64_t pixel, int64_t rows, int64_t image) {
  const PanelKernel& kernel = *call.row.panel;
  const int64_t depth = padded_depth(call.args.shape.taps() * call.args.shape.inputs());
  PanelProduct product;
  product.segments = call.work.segments;
  product.segment_count = call.depth.count();
  product.rows = rows;
  product.sums = call.work.sums;
  if (kernel.prepare != nullptr) {
    kernel.prepare(product, call.work.prepared);
    product.prepared = call.work.prepared;
  }
  for (int64_t panel = call.range.panel_begin; panel < call.range.panel_end; ++panel) {
    const uint16_t* weights = static_cast<const uint16_t*>(call.args.packed_weights) +
                              panel * depth * kernel.layout.columns;
    call.depth.for_each_chunk([&](int begin, int count, int64_t before) {
      product.segments = call.work.segments + begin;
      product.segment_count = count;
      product.panel = weights + before * kernel.layout.columns;
      product.add = before > 0;
      // What follows in memory: the next chunk, or the next panel.
      const int64_t chunk = product.depth() * kernel.layout.columns;
      const bool last = panel + 1 == call.range.panel_end && begin + count == call.depth.count();
      product.next = last ? nullptr : product.panel + chunk;
      product.next_bytes = last ? 0 : chunk * static_cast<int64_t>(sizeof(uint16_t));
      kernel.multiply(product);
    });
    PanelFinish(call.args, call.finish, kernel.layout.columns, panel, image)
        .apply(call.work.sums, pixel, rows);
  }
}

void run_direct(const MatrixRow& row, const MatrixArgs& args, const GemmRange& range,
                void* scratch) noexcept {
  const ConvShape& shape = args.shape;
  const Work work(row, shape, scratch);
  std::fill_n(work.zeros, widest(shape), uint16_t{0});
  const int64_t block_rows = row.panel->block_rows;
  const Depth depth(shape, work, block_rows, row.panel->prepare == nullptr);
  const PixelFinder<uint16_t> finder(
      shape, {args.src, args.src_stride, args.src2, args.src2_stride, work.zeros}, block_rows);
  const Call call{row, args, range, work, depth, select_finish_panel(row.needs)};
  const int64_t image_pixels = shape.out_height() * shape.out_width();
  for (int64_t pixel = range.row_begin; pixel < range.row_end;) {
    const int64_t image = pixel / image_pixels;
    const int64_t rows =
        std::min({block_rows, range.row_end - pixel, (image + 1) * image_pixels - pixel});
    finder.find(pixel, rows, work.tables);
    run_block(call, pixel, rows, image);
    pixel += rows;
  }
}

/// Long groups must not end inside of a segment; few columns are for few outputs.
bool takes(const MatrixRow& row, const ConvShape& s) noexcept {
  const PanelGroups& layout = row.panel->layout;
  if (layout.columns == kPanelColumns) return true;
  return s.outputs <= layout.columns && s.channels % layout.group == 0 &&
         s.channels2 % layout.group == 0;
}

/// Columns that do not exist are computed all the same.
double direct_cost(const MatrixRow& row, const ConvShape& s) noexcept {
  const int64_t columns = row.panels(s.outputs) * row.panel->layout.columns;
  const double products = static_cast<double>(s.pixels()) *
                          static_cast<double>(columns * s.taps() * s.inputs());
  return products * row.panel->cost * 1e-3;
}

}  // namespace

MatrixRow direct_row(const PanelKernel& panel) {
  return {.name = "matrix_bf16_direct_" + std::string(panel.name),
          .needs = panel.needs,
          .panel = &panel,
          .takes = takes,
          .cost = direct_cost,
          .units = [](const ConvShape& s) noexcept { return s.pixels(); },
          .unit_lines = 1,
          .unit_tile = [](const MatrixRow& row) noexcept -> int64_t { return row.panel->row_tile; },
          .packed_bytes =
              [](const MatrixRow& row, const WeightsView& weights) noexcept {
                return direct_bytes(row.panel->layout, weights);
              },
          .pack = [](const MatrixRow& row, const WeightsView& weights, bool geglu, int64_t begin,
                     int64_t end, void* packed) noexcept {
            pack_direct(row.panel->layout, weights, geglu, begin, end, packed);
          },
          .scratch_bytes = [](const MatrixRow& row, const ConvShape& s) noexcept {
            return Work::bytes(row, s);
          },
          .run = run_direct};
}

}  // namespace edgefusion::kernels
