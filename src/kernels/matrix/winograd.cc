#include "kernels/matrix/winograd.h"

#include <algorithm>

#include "kernels/conv/pixel_finder.h"
#include "kernels/matrix/pack.h"
#include "kernels/matrix/panel_finish.h"
#include "kernels/matrix/winograd_tiling.h"

namespace edgefusion::kernels {
namespace {

/// A convolution's tiles, and how many of them are transformed together.
template <int kPatch>
struct Tiling : WinogradTiling<kPatch> {
  using WinogradTiling<kPatch>::kPositions;
  /// Tiles whose transforms share the weights that pass by: with 640 channels they are 2 MB, and a
  /// weight fetched from memory is used that many times.
  static constexpr int64_t kBlockTiles = kPatch == 6 ? 48 : 96;
  // Streams that lie a multiple of 4 KiB apart would fall into the same set of L1: a line more.
  static constexpr int64_t kSumStride = kBlockTiles * kPanelColumns + 16;
  static int64_t value_stride(const ConvShape& s) {
    return kBlockTiles * padded_depth(s.inputs()) + 32;
  }

  /// Where the weights of a panel fit into L2 in all positions, a few tiles at a time: their sums
  /// stay near. Else all tiles of a block, one position after the other.
  static int64_t group(const ConvShape& s, const PanelKernel& kernel) {
    constexpr int64_t kMostBytes = 400 << 10;
    const int64_t bytes = kPositions * padded_depth(s.inputs()) * kPanelColumns * 2;
    return bytes <= kMostBytes ? kernel.row_tile : kBlockTiles;
  }
};

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }
int64_t widest(const ConvShape& s) { return std::max(s.channels, s.channels2); }
int64_t sources(const ConvShape& s) { return s.channels2 > 0 ? 2 : 1; }

/// Work memory of one call, cut from the caller's scratch.
template <int kPatch>
struct Work {
  using T = Tiling<kPatch>;
  static constexpr int kOutputs = T::kOutputs;
  uint16_t* values;         // [position of value_stride][kBlockTiles][padded inputs]
  float* sums;              // [position of kSumStride][kBlockTiles][kPanelColumns]
  float* lines[kOutputs];   // [kOutputs * kBlockTiles][kPanelColumns]
  const uint16_t** pixels;  // [sources * positions][kBlockTiles]
  const uint16_t** rows;    // [position][kBlockTiles]
  uint16_t* zeros;          // [widest source]
  size_t bytes = 0;

  Work(const ConvShape& s, void* scratch) {
    auto* base = static_cast<std::byte*>(scratch);
    const auto cut = [&](int64_t count, size_t size) {
      std::byte* piece = base == nullptr ? nullptr : base + bytes;
      bytes += aligned(static_cast<size_t>(count) * size);
      return piece;
    };
    constexpr int64_t kAll = T::kPositions * T::kBlockTiles;
    values = reinterpret_cast<uint16_t*>(cut(T::kPositions * T::value_stride(s), sizeof(uint16_t)));
    sums = reinterpret_cast<float*>(cut(T::kPositions * T::kSumStride, sizeof(float)));
    for (float*& line : lines) {
      line =
          reinterpret_cast<float*>(cut(kOutputs * T::kBlockTiles * kPanelColumns, sizeof(float)));
    }
    pixels = reinterpret_cast<const uint16_t**>(cut(sources(s) * kAll, sizeof(uint16_t*)));
    rows = reinterpret_cast<const uint16_t**>(cut(kAll, sizeof(uint16_t*)));
    zeros = reinterpret_cast<uint16_t*>(cut(widest(s), sizeof(uint16_t)));
  }
};

/// One call of the kernel on its way.
template <int kPatch>
class WinogradRun {
  using T = Tiling<kPatch>;
  static constexpr int kOutputs = T::kOutputs;
  static constexpr int64_t kBlockTiles = T::kBlockTiles;

 public:
  WinogradRun(const MatrixRow& row, const MatrixArgs& args, const GemmRange& range, void* scratch)
      : row_(row),
        args_(args),
        range_(range),
        work_(args.shape, scratch),
        patches_(T::patches(args.shape)),
        depth_(padded_depth(args.shape.inputs())),
        group_(T::group(args.shape, *row.panel)),
        transforms_(select_winograd_transforms(row.needs, kPatch)),
        finish_(select_finish_panel(row.needs)) {
    std::fill_n(work_.zeros, widest(args.shape), uint16_t{0});
    for (int64_t i = 0; i < T::kPositions * kBlockTiles; ++i) {
      const int64_t position = i / kBlockTiles, tile = i % kBlockTiles;
      work_.rows[i] = work_.values + position * T::value_stride(args.shape) + tile * depth_;
    }
  }

  void run() const {
    const int64_t image_tiles = T::image_tiles(args_.shape);
    for (int64_t tile = range_.row_begin; tile < range_.row_end;) {
      const int64_t image = tile / image_tiles;
      const int64_t count =
          std::min({kBlockTiles, range_.row_end - tile, (image + 1) * image_tiles - tile});
      transform_inputs(tile, count);
      for (int64_t panel = range_.panel_begin; panel < range_.panel_end; ++panel) {
        const PanelFinish finish(args_, finish_, kPanelColumns, panel, image);
        for (int64_t done = 0; done < count; done += group_) {
          const int64_t tiles_now = std::min(group_, count - done);
          multiply(panel, done, tiles_now);
          transform_outputs(finish, tile + done, tiles_now);
        }
      }
      tile += count;
    }
  }

 private:
  void transform_inputs(int64_t tile, int64_t count) const {
    const ConvShape& s = args_.shape;
    const PixelFinder<uint16_t> finder(
        patches_, {args_.src, args_.src_stride, args_.src2, args_.src2_stride, work_.zeros},
        kBlockTiles);
    finder.find(tile, count, work_.pixels);
    WinogradInput input;
    input.pixels = work_.pixels;
    input.table_rows = kBlockTiles;
    input.tiles = count;
    input.channels = s.channels;
    input.dst = work_.values;
    input.position_stride = T::value_stride(s);
    input.tile_stride = depth_;
    transforms_.input(input);
    if (s.channels2 == 0) return;
    input.pixels += T::kPositions * kBlockTiles;
    input.channels = s.channels2;
    input.dst += s.channels;
    transforms_.input(input);
  }

  /// Each position is a matrix product of its own, for the tiles [first, first + count) of the
  /// block.
  void multiply(int64_t panel, int64_t first, int64_t count) const {
    const auto* weights = static_cast<const uint16_t*>(args_.packed_weights);
    for (int64_t p = 0; p < T::kPositions; ++p) {
      const RowSegment segment = {work_.rows + p * kBlockTiles + first, 0, args_.shape.inputs()};
      PanelProduct product;
      product.segments = &segment;
      product.segment_count = 1;
      product.rows = count;
      product.panel = weights + (panel * T::kPositions + p) * depth_ * kPanelColumns;
      product.sums = work_.sums + p * T::kSumStride;
      const bool last = p + 1 == T::kPositions && panel + 1 == range_.panel_end;
      product.next = last ? nullptr : product.panel + depth_ * kPanelColumns;
      product.next_bytes =
          last ? 0 : depth_ * kPanelColumns * static_cast<int64_t>(sizeof(uint16_t));
      row_.panel->multiply(product);
    }
  }

  /// Runs of tiles on one line of tiles become lines of pixels.
  void transform_outputs(const PanelFinish& finish, int64_t tile, int64_t count) const {
    T::for_each_run(args_.shape, tile, count, [&](const TileRun& run) {
      transforms_.output({.sums = work_.sums + run.first * kPanelColumns,
                          .position_stride = T::kSumStride,
                          .tiles = run.tiles,
                          .lines = work_.lines});
      for (int64_t r = 0; r < run.lines; ++r) {
        finish.apply(work_.lines[r], run.pixel + r * args_.shape.out_width(), run.pixels);
      }
    });
  }

  const MatrixRow& row_;
  const MatrixArgs& args_;
  const GemmRange& range_;
  Work<kPatch> work_;
  ConvShape patches_;
  int64_t depth_;
  int64_t group_;  ///< tiles whose sums are made and joined at once
  WinogradTransforms transforms_;
  FinishFunction finish_;
};

template <int kPatch>
size_t packed_bytes(const MatrixRow&, const WeightsView& w) noexcept {
  const int64_t panels = PanelColumns(w.outputs, false).panels();
  return static_cast<size_t>(panels * winograd_positions(kPatch) * padded_depth(w.inputs) *
                             kPanelColumns) *
         sizeof(uint16_t);
}

/// [panel][position], each a panel of the kernel over the inputs
template <int kPatch>
void pack(const MatrixRow& row, const WeightsView& w, bool, int64_t begin, int64_t end,
          void* packed) noexcept {
  constexpr int kPositions = winograd_positions(kPatch);
  const int64_t position = padded_depth(w.inputs) * kPanelColumns;
  const int64_t elements = kPositions * position;
  for (int64_t panel = begin; panel < end; ++panel) {
    uint16_t* dst = static_cast<uint16_t*>(packed) + panel * elements;
    std::fill_n(dst, elements, uint16_t{0});
    for (int c = 0; c < kPanelColumns && panel * kPanelColumns + c < w.outputs; ++c) {
      for (int64_t i = 0; i < w.inputs; ++i) {
        const int64_t first = ((panel * kPanelColumns + c) * w.inputs + i) * w.taps;
        float taps[9], positions[kPositions];
        for (int t = 0; t < 9; ++t) taps[t] = stored_weight(w, first + t);
        winograd_filter(kPatch, taps, positions);
        uint16_t* to = dst + row.panel->layout.at(i, c);
        for (int p = 0; p < kPositions; ++p) to[p * position] = f32_to_bf16(positions[p]);
      }
    }
  }
}

/// The bigger tile quadruples the weights, and rounds more: for pictures so large that a weight is
/// used often, and whose layers have few weights.
template <int kPatch>
bool takes(const MatrixRow& row, const ConvShape& s) noexcept {
  constexpr int64_t kFewestPixels = 2048;
  const bool is_3x3 = s.kernel_height == 3 && s.kernel_width == 3 && s.stride == 1;
  const bool whole_groups = s.inputs() % row.panel->layout.group == 0;
  if (!is_3x3 || !whole_groups) return false;
  if (kPatch == 3) return s.upsample2x && s.pad_top == 1 && s.pad_left == 1;
  return kPatch == 4 || s.out_height() * s.out_width() >= kFewestPixels;
}

template <int kPatch>
double cost(const MatrixRow& row, const ConvShape& s) noexcept {
  // Cycles per value of a patch and channel, measured: reading and rounding, joining.
  constexpr double kInputCycles = 0.35, kOutputCycles = 0.25;
  constexpr int kPositions = winograd_positions(kPatch);
  const auto in = static_cast<double>(s.inputs()), out = static_cast<double>(s.outputs);
  return static_cast<double>(Tiling<kPatch>::tiles(s)) * kPositions *
         (in * out * row.panel->cost * 1e-3 + kInputCycles * in + kOutputCycles * out);
}

template <int kPatch>
void run(const MatrixRow& row, const MatrixArgs& args, const GemmRange& range,
         void* scratch) noexcept {
  WinogradRun<kPatch>(row, args, range, scratch).run();
}

template <int kPatch>
MatrixRow make_row(const PanelKernel& panel) {
  constexpr const char* kMethod = kPatch == 3   ? "winograd2x2_enlarged_"
                                  : kPatch == 4 ? "winograd2x2_"
                                                : "winograd4x4_";
  return {
      .name = std::string("matrix_bf16_") + kMethod + std::string(panel.name),
      .needs = panel.needs,
      .panel = &panel,
      .takes = takes<kPatch>,
      .cost = cost<kPatch>,
      .units = [](const ConvShape& s) noexcept { return Tiling<kPatch>::tiles(s); },
      .unit_lines = Tiling<kPatch>::kOutputs,
      .unit_tile = [](const MatrixRow& row) noexcept -> int64_t { return row.panel->row_tile; },
      .packed_bytes = packed_bytes<kPatch>,
      .pack = pack<kPatch>,
      .scratch_bytes = [](const MatrixRow&,
                          const ConvShape& s) noexcept { return Work<kPatch>(s, nullptr).bytes; },
      .run = run<kPatch>};
}

}  // namespace

bool winograd_pays(const PanelKernel& panel) {
  return panel.layout.columns == kPanelColumns && panel.prepare == nullptr;
}

MatrixRow winograd_row(const PanelKernel& panel, int patch) {
  return patch == 3 ? make_row<3>(panel) : patch == 4 ? make_row<4>(panel) : make_row<6>(panel);
}

}  // namespace edgefusion::kernels
