#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/conv/conv.h"
#include "kernels/matrix/panel_kernel.h"

// A linear layer or a convolution as blocks of output pixels against panels, each tap reading its
// pixels in place: no im2col buffer. Whatever the values are: the rows of bf16 and of 8 bits share
// this.

namespace edgefusion::kernels {

/// Output pixels [pixel, pixel + rows) of one image.
struct PixelBlock {
  int64_t pixel, rows, image;
};

/// What a panel kernel has to do for a layer, and how that is cut to stay in cache. Depths are
/// counted in products, k = tap * inputs + input.
template <typename Product>
struct DirectLayer {
  using Row = typename Product::Row;
  using Weight = typename Product::Weight;

  const PanelKernelOf<Product>& kernel;
  const ConvShape& shape;

  /// Products in a block of a panel.
  static constexpr int64_t kBlock = kPanelBlockBytes / static_cast<int64_t>(sizeof(Weight));
  /// Products of a panel that are used for a whole block of rows before the next ones: 256 KiB of
  /// weights, which stay in L2.
  static constexpr int64_t kChunkDepth = 8192 / static_cast<int64_t>(sizeof(Weight));
  /// The same for rows that a kernel has rewritten: 256 of them are 1.4 MiB, which stay in L2 for
  /// all panels.
  static constexpr int64_t kPreparedDepth = 5760 / static_cast<int64_t>(sizeof(Weight));

  static int64_t padded_depth(int64_t depth) { return (depth + kBlock - 1) / kBlock * kBlock; }

  int64_t depth() const { return shape.taps() * shape.inputs(); }
  int64_t sources() const { return shape.channels2 > 0 ? 2 : 1; }
  int64_t widest() const { return std::max(shape.channels, shape.channels2); }
  int64_t columns() const { return kernel.layout.columns; }
  int64_t panels() const { return (shape.outputs + columns() - 1) / columns(); }
  /// Weights of one panel, blocks filled up.
  int64_t panel_size() const { return padded_depth(depth()) * columns(); }

  /// Products that are used together. A panel can be cut only where a segment ends a block of it.
  int64_t chunk_depth() const {
    if (shape.channels % kBlock != 0 || shape.channels2 % kBlock != 0) return INT64_MAX;
    return kernel.prepare == nullptr ? kChunkDepth : kPreparedDepth;
  }

  /// Panels whose sums are unfinished at the same time: rows are rewritten chunk by chunk for all.
  int64_t open_panels() const {
    const bool in_parts = kernel.prepare != nullptr && depth() > chunk_depth();
    return in_parts ? panels() : 1;
  }

  /// Groups must not end inside of a segment; few columns are for few outputs.
  bool fits() const {
    const PanelGroups& layout = kernel.layout;
    const bool whole_groups =
        shape.channels % layout.group == 0 && shape.channels2 % layout.group == 0;
    return whole_groups && (layout.columns == kPanelColumns || shape.outputs <= layout.columns);
  }

  /// Cycles. Columns that do not exist are computed all the same.
  double cost() const {
    const double values = static_cast<double>(shape.pixels()) * static_cast<double>(depth());
    const double all_columns = static_cast<double>(panels() * columns());
    return values * 1e-3 * (all_columns * kernel.cost + kernel.prepare_cost);
  }
};

/// Work memory of one call, cut from the caller's scratch.
template <typename Product>
struct DirectWork {
  using Row = typename Product::Row;
  using Sum = typename Product::Sum;

  Sum* sums;              // [open panels][block_rows, kPanelColumns]
  const Row** tables;     // [sources * taps, block_rows]
  Row* outside;           // [widest source]: what is read outside of the picture
  RowRun<Row>* segments;  // [pieces of all taps]
  std::byte* prepared;
  size_t bytes = 0;

  /// With no scratch only `bytes` is of use.
  DirectWork(const DirectLayer<Product>& layer, void* scratch) {
    auto* base = static_cast<std::byte*>(scratch);
    const auto cut = [&](int64_t count, size_t size) {
      std::byte* piece = base == nullptr ? nullptr : base + bytes;
      bytes += (static_cast<size_t>(count) * size + 63) / 64 * 64;
      return piece;
    };
    const PanelKernelOf<Product>& kernel = layer.kernel;
    const int64_t tables_wanted = layer.shape.taps() * layer.sources();
    const int64_t pieces =
        tables_wanted * (1 + layer.widest() / DirectLayer<Product>::kPreparedDepth) + 1;
    sums = reinterpret_cast<Sum*>(
        cut(layer.open_panels() * kernel.block_rows * kPanelColumns, sizeof(Sum)));
    tables = reinterpret_cast<const Row**>(cut(tables_wanted * kernel.block_rows, sizeof(Row*)));
    outside = reinterpret_cast<Row*>(cut(layer.widest(), sizeof(Row)));
    segments = reinterpret_cast<RowRun<Row>*>(cut(pieces, sizeof(RowRun<Row>)));
    prepared = cut(1, kernel.prepared_bytes == nullptr
                          ? 0
                          : kernel.prepared_bytes(kernel.block_rows,
                                                  std::min(layer.depth(), layer.chunk_depth())));
  }
};

/// The depth of a product, cut into segments, and these into chunks that stay in cache.
template <typename Product>
class DirectDepth {
  using Segment = RowRun<typename Product::Row>;

 public:
  DirectDepth(const DirectLayer<Product>& layer, const DirectWork<Product>& work)
      : segments_(work.segments), chunk_depth_(layer.chunk_depth()) {
    const ConvShape& shape = layer.shape;
    const int64_t table_rows = layer.kernel.block_rows;
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
  void add(Segment segment) {
    for (int64_t left = segment.length; left > 0;) {
      const int64_t length = std::min(left, chunk_depth_);
      segments_[count_++] = {segment.rows, segment.offset, length};
      segment.offset += length;
      left -= length;
    }
  }

  Segment* segments_;
  int64_t chunk_depth_;
  int count_ = 0;
};

/// One call over its blocks. Find is (const PixelBlock&, const Row** tables): where the pixels of a
/// block lie, as PixelFinder does it. Finish is (panel, const PixelBlock&, const Sum* sums).
template <typename Product, typename Find, typename Finish>
class DirectRun {
 public:
  using Weight = typename Product::Weight;

  DirectRun(const DirectLayer<Product>& layer, const DirectWork<Product>& work,
            const Weight* weights, const Find& find, const Finish& finish)
      : layer_(layer),
        work_(work),
        depth_(layer, work),
        weights_(weights),
        find_(find),
        finish_(finish) {}

  void run(const GemmRange& range) const {
    const int64_t image_pixels = layer_.shape.out_height() * layer_.shape.out_width();
    for (int64_t pixel = range.row_begin; pixel < range.row_end;) {
      const int64_t image = pixel / image_pixels;
      const int64_t rows = std::min(
          {layer_.kernel.block_rows, range.row_end - pixel, (image + 1) * image_pixels - pixel});
      const PixelBlock block = {pixel, rows, image};
      find_(block, work_.tables);
      if (layer_.kernel.prepare == nullptr) {
        multiply_whole_panels(range, block);
      } else {
        multiply_chunks(range, block);
      }
      pixel += rows;
    }
  }

 private:
  const Weight* weights(int64_t panel) const { return weights_ + panel * layer_.panel_size(); }

  Product product_of(const PixelBlock& block) const {
    Product product;
    product.rows = block.rows;
    product.sums = work_.sums;
    return product;
  }

  /// One panel after the other, each over the whole depth: rows are read in place.
  void multiply_whole_panels(const GemmRange& range, const PixelBlock& block) const {
    Product product = product_of(block);
    for (int64_t panel = range.panel_begin; panel < range.panel_end; ++panel) {
      depth_.for_each_chunk([&](int begin, int count, int64_t before) {
        product.segments = work_.segments + begin;
        product.segment_count = count;
        product.panel = weights(panel) + before * layer_.columns();
        product.add = before > 0;
        // What follows in memory: the next chunk, or the next panel.
        const int64_t chunk = total_depth(product) * layer_.columns();
        const bool last = panel + 1 == range.panel_end && depth_.ends_at(begin + count);
        product.next = last ? nullptr : product.panel + chunk;
        product.next_bytes = last ? 0 : chunk * static_cast<int64_t>(sizeof(Weight));
        layer_.kernel.multiply(product);
      });
      finish_(panel, block, product.sums);
    }
  }

  /// One chunk of the depth after the other, each over all panels: its rows are rewritten once.
  void multiply_chunks(const GemmRange& range, const PixelBlock& block) const {
    Product product = product_of(block);
    const int64_t sum_stride =
        layer_.open_panels() > 1 ? layer_.kernel.block_rows * kPanelColumns : 0;
    product.prepared = work_.prepared;
    depth_.for_each_chunk([&](int begin, int count, int64_t before) {
      product.segments = work_.segments + begin;
      product.segment_count = count;
      product.add = before > 0;
      layer_.kernel.prepare(product, work_.prepared);
      const bool last = depth_.ends_at(begin + count);
      const int64_t chunk_bytes = layer_.padded_depth(total_depth(product)) * layer_.columns() *
                                  static_cast<int64_t>(sizeof(Weight));
      for (int64_t panel = range.panel_begin; panel < range.panel_end; ++panel) {
        const bool more = panel + 1 < range.panel_end;
        const int64_t from = before * layer_.columns();
        product.panel = weights(panel) + from;
        product.next = more ? weights(panel + 1) + from : nullptr;
        product.next_bytes = more ? chunk_bytes : 0;
        product.sums = work_.sums + (panel - range.panel_begin) * sum_stride;
        layer_.kernel.multiply(product);
        if (last) finish_(panel, block, product.sums);
      }
    });
  }

  const DirectLayer<Product>& layer_;
  const DirectWork<Product>& work_;
  DirectDepth<Product> depth_;
  const Weight* weights_;
  const Find& find_;
  const Finish& finish_;
};

}  // namespace edgefusion::kernels
