#include "kernels/matrix/winograd.h"

#include <algorithm>

#include "kernels/conv/pixel_finder.h"
#include "kernels/matrix/pack.h"
#include "kernels/matrix/panel_finish.h"
#include "kernels/matrix/winograd_transform.h"

namespace edgefusion::kernels {
namespace {

/// Tiles whose transforms share the weights that pass by: 16 positions x 96 x 640 channels are 2 MB,
/// and a weight fetched from memory is used 96 times.
constexpr int64_t kBlockTiles = 96;

int64_t tile_rows(const ConvShape& s) { return (s.out_height() + 1) / 2; }
int64_t tile_columns(const ConvShape& s) { return (s.out_width() + 1) / 2; }
int64_t tiles(const ConvShape& s) { return s.batch * tile_rows(s) * tile_columns(s); }

/// The patches as a convolution sees them: 4x4 pixels every 2, with zeros as far as they reach.
ConvShape patch_shape(const ConvShape& s) {
  ConvShape patches = s;
  patches.kernel_height = patches.kernel_width = 4;
  patches.stride = 2;
  patches.pad_bottom = 2 * tile_rows(s) + 2 - s.in_height() - s.pad_top;
  patches.pad_right = 2 * tile_columns(s) + 2 - s.in_width() - s.pad_left;
  return patches;
}

// Sixteen streams that lie a multiple of 4 KiB apart would fall into the same set of L1: a line more.
int64_t value_stride(const ConvShape& s) { return kBlockTiles * padded_depth(s.inputs()) + 32; }
constexpr int64_t kSumStride = kBlockTiles * kPanelColumns + 16;

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }
int64_t widest(const ConvShape& s) { return std::max(s.channels, s.channels2); }
int64_t sources(const ConvShape& s) { return s.channels2 > 0 ? 2 : 1; }

/// Work memory of one call, cut from the caller's scratch.
struct Work {
  uint16_t* values;         // [position of value_stride][kBlockTiles][padded inputs]
  float* sums;              // [position of kSumStride][kBlockTiles][kPanelColumns]
  float* lines[2];          // [2 * kBlockTiles][kPanelColumns]
  const uint16_t** pixels;  // [sources * 16][kBlockTiles]
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
    constexpr int64_t kAll = kWinogradPositions * kBlockTiles;
    values =
        reinterpret_cast<uint16_t*>(cut(kWinogradPositions * value_stride(s), sizeof(uint16_t)));
    sums = reinterpret_cast<float*>(cut(kWinogradPositions * kSumStride, sizeof(float)));
    for (float*& line : lines) {
      line = reinterpret_cast<float*>(cut(2 * kBlockTiles * kPanelColumns, sizeof(float)));
    }
    pixels = reinterpret_cast<const uint16_t**>(cut(sources(s) * kAll, sizeof(uint16_t*)));
    rows = reinterpret_cast<const uint16_t**>(cut(kAll, sizeof(uint16_t*)));
    zeros = reinterpret_cast<uint16_t*>(cut(widest(s), sizeof(uint16_t)));
  }
};

/// One call of the kernel on its way.
class WinogradRun {
 public:
  WinogradRun(const MatrixRow& row, const MatrixArgs& args, const GemmRange& range, void* scratch)
      : row_(row),
        args_(args),
        range_(range),
        work_(args.shape, scratch),
        patches_(patch_shape(args.shape)),
        depth_(padded_depth(args.shape.inputs())),
        transforms_(select_winograd_transforms(row.needs)),
        finish_(select_finish_panel(row.needs)) {
    std::fill_n(work_.zeros, widest(args.shape), uint16_t{0});
    for (int64_t i = 0; i < kWinogradPositions * kBlockTiles; ++i) {
      const int64_t position = i / kBlockTiles, tile = i % kBlockTiles;
      work_.rows[i] = work_.values + position * value_stride(args.shape) + tile * depth_;
    }
  }

  void run() const {
    const int64_t image_tiles = tile_rows(args_.shape) * tile_columns(args_.shape);
    for (int64_t tile = range_.row_begin; tile < range_.row_end;) {
      const int64_t image = tile / image_tiles;
      const int64_t count =
          std::min({kBlockTiles, range_.row_end - tile, (image + 1) * image_tiles - tile});
      transform_inputs(tile, count);
      for (int64_t panel = range_.panel_begin; panel < range_.panel_end; ++panel) {
        multiply(panel, count);
        transform_outputs(PanelFinish(args_, finish_, kPanelColumns, panel, image), tile, count);
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
    input.position_stride = value_stride(s);
    input.tile_stride = depth_;
    transforms_.input(input);
    if (s.channels2 == 0) return;
    input.pixels += kWinogradPositions * kBlockTiles;
    input.channels = s.channels2;
    input.dst += s.channels;
    transforms_.input(input);
  }

  /// Each position is a matrix product of its own.
  void multiply(int64_t panel, int64_t count) const {
    const auto* weights = static_cast<const uint16_t*>(args_.packed_weights);
    for (int64_t p = 0; p < kWinogradPositions; ++p) {
      const RowSegment segment = {work_.rows + p * kBlockTiles, 0, args_.shape.inputs()};
      PanelProduct product;
      product.segments = &segment;
      product.segment_count = 1;
      product.rows = count;
      product.panel = weights + (panel * kWinogradPositions + p) * depth_ * kPanelColumns;
      product.sums = work_.sums + p * kSumStride;
      row_.panel->multiply(product);
    }
  }

  /// Runs of tiles on one line of tiles become two lines of pixels.
  void transform_outputs(const PanelFinish& finish, int64_t tile, int64_t count) const {
    const ConvShape& s = args_.shape;
    for (int64_t done = 0; done < count;) {
      const int64_t x = (tile + done) % tile_columns(s), line = (tile + done) / tile_columns(s);
      const int64_t run = std::min(tile_columns(s) - x, count - done);
      transforms_.output({.sums = work_.sums + done * kPanelColumns,
                          .position_stride = kSumStride,
                          .tiles = run,
                          .lines = {work_.lines[0], work_.lines[1]}});
      const int64_t image = line / tile_rows(s), y = 2 * (line % tile_rows(s));
      const int64_t pixels = std::min(2 * run, s.out_width() - 2 * x);
      for (int64_t r = 0; r < 2 && y + r < s.out_height(); ++r) {
        const int64_t pixel = (image * s.out_height() + y + r) * s.out_width() + 2 * x;
        finish.apply(work_.lines[r], pixel, pixels);
      }
      done += run;
    }
  }

  const MatrixRow& row_;
  const MatrixArgs& args_;
  const GemmRange& range_;
  Work work_;
  ConvShape patches_;
  int64_t depth_;
  WinogradTransforms transforms_;
  FinishFunction finish_;
};

/// G g G^T of one output and input: 9 taps -> 16 positions.
void transform_filter(const float* taps, float* positions) {
  float t[4][3];
  for (int x = 0; x < 3; ++x) {
    const float a = taps[x], b = taps[3 + x], c = taps[6 + x];
    t[0][x] = a;
    t[1][x] = 0.5f * (a + b + c);
    t[2][x] = 0.5f * (a - b + c);
    t[3][x] = c;
  }
  for (int y = 0; y < 4; ++y) {
    const float a = t[y][0], b = t[y][1], c = t[y][2];
    positions[4 * y] = a;
    positions[4 * y + 1] = 0.5f * (a + b + c);
    positions[4 * y + 2] = 0.5f * (a - b + c);
    positions[4 * y + 3] = c;
  }
}

size_t winograd_bytes(const MatrixRow&, const WeightsView& w) noexcept {
  const int64_t panels = PanelColumns(w.outputs, false).panels();
  return static_cast<size_t>(panels * kWinogradPositions * padded_depth(w.inputs) *
                             kPanelColumns) *
         sizeof(uint16_t);
}

/// [panel][position][inputs / 2, whole blocks][kPanelColumns][2] bf16
void pack_winograd(const MatrixRow&, const WeightsView& w, bool, int64_t begin, int64_t end,
                   void* packed) noexcept {
  const int64_t position = padded_depth(w.inputs) * kPanelColumns;
  const int64_t elements = kWinogradPositions * position;
  for (int64_t panel = begin; panel < end; ++panel) {
    uint16_t* dst = static_cast<uint16_t*>(packed) + panel * elements;
    std::fill_n(dst, elements, uint16_t{0});
    for (int c = 0; c < kPanelColumns && panel * kPanelColumns + c < w.outputs; ++c) {
      for (int64_t i = 0; i < w.inputs; ++i) {
        const int64_t first = ((panel * kPanelColumns + c) * w.inputs + i) * w.taps;
        float taps[9], positions[kWinogradPositions];
        for (int t = 0; t < 9; ++t) taps[t] = stored_weight(w, first + t);
        transform_filter(taps, positions);
        uint16_t* to = dst + PanelGroups().at(i, c);
        for (int p = 0; p < kWinogradPositions; ++p) {
          to[p * position] = f32_to_bf16(positions[p]);
        }
      }
    }
  }
}

bool takes(const MatrixRow&, const ConvShape& s) noexcept {
  return s.kernel_height == 3 && s.kernel_width == 3 && s.stride == 1;
}

double cost(const MatrixRow& row, const ConvShape& s) noexcept {
  // Cycles per tile and channel, measured: reading and rounding 16 values, joining 16 sums.
  constexpr double kInputCycles = 6, kOutputCycles = 4;
  const auto count = static_cast<double>(tiles(s));
  const auto in = static_cast<double>(s.inputs()), out = static_cast<double>(s.outputs);
  return count *
         (kWinogradPositions * in * out * row.panel->cost * 1e-3 + kInputCycles * in +
          kOutputCycles * out);
}

void run_winograd(const MatrixRow& row, const MatrixArgs& args, const GemmRange& range,
                  void* scratch) noexcept {
  WinogradRun(row, args, range, scratch).run();
}

}  // namespace

MatrixRow winograd_row(const PanelKernel& panel) {
  return {.name = "matrix_bf16_winograd2x2_" + std::string(panel.name),
          .needs = panel.needs,
          .panel = &panel,
          .takes = takes,
          .cost = cost,
          .units = [](const ConvShape& s) noexcept { return tiles(s); },
          .unit_lines = 2,
          .unit_tile = [](const MatrixRow& row) noexcept -> int64_t { return row.panel->row_tile; },
          .packed_bytes = winograd_bytes,
          .pack = pack_winograd,
          .scratch_bytes = [](const MatrixRow&, const ConvShape& s) noexcept {
            return Work(s, nullptr).bytes;
          },
          .run = run_winograd};
}

}  // namespace edgefusion::kernels
