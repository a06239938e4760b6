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
/// The same for rows that a kernel has rewritten: 256 of them are 1.4 MiB, which stay in L2 for all
/// panels.
constexpr int64_t kPreparedDepth = 2880;

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

int64_t sources(const ConvShape& s) { return s.channels2 > 0 ? 2 : 1; }
int64_t widest(const ConvShape& s) { return std::max(s.channels, s.channels2); }

/// Products that are used together. A panel can be cut only where a segment ends a block of it.
int64_t chunk_depth(const MatrixRow& row, const ConvShape& s) {
  if (s.channels % kPanelDepth != 0 || s.channels2 % kPanelDepth != 0) return INT64_MAX;
  return row.panel->prepare == nullptr ? kChunkDepth : kPreparedDepth;
}

int64_t depth_of(const ConvShape& s) { return s.taps() * s.inputs(); }

/// Panels whose sums are unfinished at the same time: rows are rewritten chunk by chunk for all.
int64_t open_panels(const MatrixRow& row, const ConvShape& s) {
  const bool in_parts = row.panel->prepare != nullptr && depth_of(s) > chunk_depth(row, s);
  return in_parts ? row.panels(s.outputs) : 1;
}

/// Work memory of one call, cut from the caller's scratch.
struct Work {
  float* sums;              // [open panels][block_rows, kPanelColumns]
  const uint16_t** tables;  // [sources * taps, block_rows]
  uint16_t* zeros;          // [widest source]
  RowSegment* segments;     // [pieces of all taps]
  std::byte* prepared;

  static int64_t segment_room(const ConvShape& s) {
    return s.taps() * sources(s) * (1 + widest(s) / kPreparedDepth) + 1;
  }

  Work(const MatrixRow& row, const ConvShape& s, void* scratch) {
    auto* at = static_cast<std::byte*>(scratch);
    const auto cut = [&](size_t bytes) {
      std::byte* piece = at;
      at += aligned(bytes);
      return piece;
    };
    const auto rows = static_cast<size_t>(row.panel->block_rows);
    sums = reinterpret_cast<float*>(cut(sum_bytes(row, s)));
    tables = reinterpret_cast<const uint16_t**>(
        cut(static_cast<size_t>(s.taps() * sources(s)) * rows * sizeof(uint16_t*)));
    zeros = reinterpret_cast<uint16_t*>(cut(static_cast<size_t>(widest(s)) * sizeof(uint16_t)));
    segments = reinterpret_cast<RowSegment*>(
        cut(static_cast<size_t>(segment_room(s)) * sizeof(RowSegment)));
    prepared = at;
  }

  static size_t sum_bytes(const MatrixRow& row, const ConvShape& s) {
    return static_cast<size_t>(open_panels(row, s) * row.panel->block_rows * kPanelColumns) *
           sizeof(float);
  }

  static size_t bytes(const MatrixRow& row, const ConvShape& s) {
    const auto rows = static_cast<size_t>(row.panel->block_rows);
    const PanelKernel& k = *row.panel;
    const size_t prepared_bytes =
        k.prepared_bytes == nullptr
            ? 0
            : k.prepared_bytes(k.block_rows, std::min(depth_of(s), chunk_depth(row, s)));
    return aligned(sum_bytes(row, s)) +
           aligned(static_cast<size_t>(s.taps() * sources(s)) * rows * sizeof(uint16_t*)) +
           aligned(static_cast<size_t>(widest(s)) * sizeof(uint16_t)) +
           aligned(static_cast<size_t>(segment_room(s)) * sizeof(RowSegment)) + prepared_bytes;
  }
};

/// The depth of a product, cut into segments, and these into chunks that stay in cache.
class Depth {
 public:
  Depth(const ConvShape& shape, const Work& work, int64_t table_rows, int64_t chunk)
      : segments_(work.segments), chunk_depth_(chunk) {
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

  bool ends_at(int segment) const { return segment == count_; }

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
  int64_t chunk_depth_;
  int count_ = 0;
};

/// Output pixels [pixel, pixel + rows) of one image.
struct Block {
  int64_t pixel, rows, image;
};

/// Everything one call shares among its blocks.
struct Call {
  const MatrixRow& row;
  const MatrixArgs& args;
  const GemmRange& range;
  const Work& work;
  const Depth& depth;
  FinishFunction finish;

  const uint16_t* weights(int64_t panel) const {
    return static_cast<const uint16_t*>(args.packed_weights) +
           panel * padded_depth(depth_of(args.shape)) * row.panel->layout.columns;
  }

  void finish_panel(int64_t panel, const Block& block, const float* sums) const {
    PanelFinish(args, finish, row.panel->layout.columns, panel, block.image)
        .apply(sums, block.pixel, block.rows);
  }
};

/// One panel after the other, each over the whole depth: rows are read in place.
void multiply_whole_panels(const Call& call, const Block& block, PanelProduct product) {
  const PanelKernel& kernel = *call.row.panel;
  for (int64_t panel = call.range.panel_begin; panel < call.range.panel_end; ++panel) {
    call.depth.for_each_chunk([&](int begin, int count, int64_t before) {
      product.segments = call.work.segments + begin;
      product.segment_count = count;
      product.panel = call.weights(panel) + before * kernel.layout.columns;
      product.add = before > 0;
      // What follows in memory: the next chunk, or the next panel.
      const int64_t chunk = total_depth(product) * kernel.layout.columns;
      const bool last = panel + 1 == call.range.panel_end && call.depth.ends_at(begin + count);
      product.next = last ? nullptr : product.panel + chunk;
      product.next_bytes = last ? 0 : chunk * static_cast<int64_t>(sizeof(uint16_t));
      kernel.multiply(product);
    });
    call.finish_panel(panel, block, product.sums);
  }
}

/// One chunk of the depth after the other, each over all panels: its rows are rewritten once.
void multiply_chunks(const Call& call, const Block& block, PanelProduct product) {
  const PanelKernel& kernel = *call.row.panel;
  const int64_t sum_stride =
      open_panels(call.row, call.args.shape) > 1 ? kernel.block_rows * kPanelColumns : 0;
  product.prepared = call.work.prepared;
  call.depth.for_each_chunk([&](int begin, int count, int64_t before) {
    product.segments = call.work.segments + begin;
    product.segment_count = count;
    product.add = before > 0;
    kernel.prepare(product, call.work.prepared);
    const bool last = call.depth.ends_at(begin + count);
    const int64_t chunk_bytes = padded_depth(total_depth(product)) * kernel.layout.columns *
                                static_cast<int64_t>(sizeof(uint16_t));
    for (int64_t panel = call.range.panel_begin; panel < call.range.panel_end; ++panel) {
      const bool more = panel + 1 < call.range.panel_end;
      const int64_t from = before * kernel.layout.columns;
      product.panel = call.weights(panel) + from;
      product.next = more ? call.weights(panel + 1) + from : nullptr;
      product.next_bytes = more ? chunk_bytes : 0;
      product.sums = call.work.sums + (panel - call.range.panel_begin) * sum_stride;
      kernel.multiply(product);
      if (last) call.finish_panel(panel, block, product.sums);
    }
  });
}

void run_block(const Call& call, const Block& block) {
  PanelProduct product;
  product.rows = block.rows;
  product.sums = call.work.sums;
  if (call.row.panel->prepare == nullptr) {
    multiply_whole_panels(call, block, product);
  } else {
    multiply_chunks(call, block, product);
  }
}

void run_direct(const MatrixRow& row, const MatrixArgs& args, const GemmRange& range,
                void* scratch) noexcept {
  const ConvShape& shape = args.shape;
  const Work work(row, shape, scratch);
  std::fill_n(work.zeros, widest(shape), uint16_t{0});
  const int64_t block_rows = row.panel->block_rows;
  const Depth depth(shape, work, block_rows, chunk_depth(row, shape));
  const PixelFinder<uint16_t> finder(
      shape, {args.src, args.src_stride, args.src2, args.src2_stride, work.zeros}, block_rows);
  const Call call{row, args, range, work, depth, select_finish_panel(row.needs)};
  const int64_t image_pixels = shape.out_height() * shape.out_width();
  for (int64_t pixel = range.row_begin; pixel < range.row_end;) {
    const int64_t image = pixel / image_pixels;
    const int64_t rows =
        std::min({block_rows, range.row_end - pixel, (image + 1) * image_pixels - pixel});
    finder.find(pixel, rows, work.tables);
    run_block(call, {pixel, rows, image});
    pixel += rows;
  }
}

/// Groups must not end inside of a segment; few columns are for few outputs.
bool takes(const MatrixRow& row, const ConvShape& s) noexcept {
  const PanelGroups& layout = row.panel->layout;
  const bool whole_groups = s.channels % layout.group == 0 && s.channels2 % layout.group == 0;
  return whole_groups && (layout.columns == kPanelColumns || s.outputs <= layout.columns);
}

/// Columns that do not exist are computed all the same.
double direct_cost(const MatrixRow& row, const ConvShape& s) noexcept {
  const int64_t columns = row.panels(s.outputs) * row.panel->layout.columns;
  const double values = static_cast<double>(s.pixels()) * static_cast<double>(depth_of(s));
  return values * 1e-3 * (static_cast<double>(columns) * row.panel->cost + row.panel->prepare_cost);
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
          .pack =
              [](const MatrixRow& row, const WeightsView& weights, bool geglu, int64_t begin,
                 int64_t end, void* packed) noexcept {
                pack_direct(row.panel->layout, weights, geglu, begin, end, packed);
              },
          .scratch_bytes = [](const MatrixRow& row,
                              const ConvShape& s) noexcept { return Work::bytes(row, s); },
          .run = run_direct};
}

}  // namespace edgefusion::kernels
