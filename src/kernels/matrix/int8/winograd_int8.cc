#include "kernels/matrix/int8/winograd_int8.h"

#include <algorithm>
#include <cmath>

#include "kernels/conv/pixel_finder.h"
#include "kernels/matrix/int8/winograd_int8_transform.h"
#include "kernels/matrix/pack.h"
#include "kernels/matrix/panel_finish.h"
#include "kernels/matrix/winograd_tiling.h"

namespace edgefusion::kernels {
namespace {

using Kernel = PanelKernelOf<PanelProductU8>;

int64_t round_up(int64_t count, int64_t to) { return (count + to - 1) / to * to; }
int64_t widest(const ConvShape& s) { return std::max(s.channels, s.channels2); }
int64_t sources(const ConvShape& s) { return s.channels2 > 0 ? 2 : 1; }
/// Products of a position, blocks filled up.
int64_t padded_inputs(int64_t inputs) { return round_up(inputs, kPanelBlockBytes); }

/// A packed panel: [position][products of the kernel's layout], then what takes off the 128 that
/// values have too much [position][columns], then the scales [position][columns].
struct PackedPanel {
  int64_t position_bytes, offsets_at, scales_at, bytes;

  PackedPanel(int positions, int64_t inputs)
      : position_bytes(padded_inputs(inputs) * kPanelColumns),
        offsets_at(positions * position_bytes),
        scales_at(offsets_at + positions * kPanelColumns * int64_t{sizeof(int32_t)}),
        bytes(scales_at + positions * kPanelColumns * int64_t{sizeof(float)}) {}
};

/// Tiles whose values stand together: a weight that comes by is used that many times, and with 640
/// channels they are 1 MB. Whole row tiles of the kernel.
int64_t block_tiles(const Kernel& kernel) {
  constexpr int64_t kBlockTiles = 96;
  return std::max<int64_t>(1, kBlockTiles / kernel.row_tile) * kernel.row_tile;
}

// Streams that lie a multiple of 4 KiB apart would fall into the same set of L1: a line more.
int64_t sum_stride(const Kernel& kernel) { return block_tiles(kernel) * kPanelColumns + 16; }
int64_t value_stride(const ConvShape& s, const Kernel& kernel) {
  return block_tiles(kernel) * padded_inputs(s.inputs()) + 64;
}

/// Work memory of one call, cut from the caller's scratch.
template <int kPatch>
struct Work {
  using T = WinogradTiling<kPatch>;
  uint8_t* values;       // [position of value_stride][block_tiles][padded inputs]
  int32_t* sums;         // [position of sum_stride][block_tiles][kPanelColumns]
  float* lines[2];       // [2 * block_tiles][kPanelColumns]
  float* scales;         // [position][kPanelColumns], of a panel's sums
  const void** pixels;   // [sources * positions][block_tiles]
  const uint8_t** rows;  // [position][block_tiles]
  uint16_t* outside;     // [widest source], a pixel outside of the picture
  std::byte* prepared;   // [position of prepared_stride]
  size_t prepared_stride = 0;
  size_t bytes = 0;

  Work(const Kernel& kernel, const ConvShape& s, void* scratch) {
    auto* base = static_cast<std::byte*>(scratch);
    const auto cut = [&]<typename Piece>(Piece*& piece, int64_t count) {
      piece = base == nullptr ? nullptr : reinterpret_cast<Piece*>(base + bytes);
      bytes += static_cast<size_t>(round_up(count * int64_t{sizeof(Piece)}, 64));
    };
    const int64_t tiles = block_tiles(kernel);
    cut(values, T::kPositions * value_stride(s, kernel));
    cut(sums, T::kPositions * sum_stride(kernel));
    for (float*& line : lines) cut(line, 2 * tiles * kPanelColumns);
    cut(scales, T::kPositions * kPanelColumns);
    cut(pixels, sources(s) * T::kPositions * tiles);
    cut(rows, T::kPositions * tiles);
    cut(outside, widest(s));
    if (kernel.prepare != nullptr) {
      prepared_stride = kernel.prepared_bytes(tiles, round_up(s.inputs(), kernel.layout.group));
      prepared_stride = static_cast<size_t>(round_up(static_cast<int64_t>(prepared_stride), 64));
    }
    cut(prepared, T::kPositions * static_cast<int64_t>(prepared_stride));
  }
};

/// One call of the kernel on its way.
template <int kPatch>
class WinogradInt8Run {
  using T = WinogradTiling<kPatch>;

 public:
  WinogradInt8Run(const Int8MatrixRow& row, const Int8MatrixArgs& args, const GemmRange& range,
                  void* scratch)
      : kernel_(*row.panel),
        args_(args),
        range_(range),
        work_(kernel_, args.shape, scratch),
        patches_(T::patches(args.shape)),
        packed_(T::kPositions, args.shape.inputs()),
        depth_(round_up(args.shape.inputs(), kernel_.layout.group)),
        block_tiles_(block_tiles(kernel_)),
        scales_(
            winograd_int8_scales(kPatch, args.src_type == DType::u8, args.position_inverse_scale)),
        transforms_(select_winograd_int8_transforms(row.needs, kPatch)),
        finish_(select_finish_panel(row.needs)) {
    for (int64_t i = 0; i < T::kPositions * block_tiles_; ++i) {
      work_.rows[i] = work_.values + i / block_tiles_ * value_stride(args.shape, kernel_) +
                      i % block_tiles_ * padded_inputs(args.shape.inputs());
    }
  }

  void run() const {
    const int64_t image_tiles = T::image_tiles(args_.shape);
    for (int64_t tile = range_.row_begin; tile < range_.row_end;) {
      const int64_t image = tile / image_tiles;
      const int64_t count =
          std::min({block_tiles_, range_.row_end - tile, (image + 1) * image_tiles - tile});
      transform_inputs(tile, count);
      for (int64_t panel = range_.panel_begin; panel < range_.panel_end; ++panel) {
        const PanelFinish finish(args_, finish_, kPanelColumns, panel, image);
        scale_panel(panel);
        multiply(panel, count);
        transform_outputs(finish, panel, tile, count);
      }
      tile += count;
    }
  }

 private:
  const std::byte* packed(int64_t panel) const {
    return static_cast<const std::byte*>(args_.packed_weights) + panel * packed_.bytes;
  }

  void transform_inputs(int64_t tile, int64_t count) const {
    if (args_.src_type == DType::u8) {
      const auto zero_point = static_cast<uint8_t>(args_.zero_point);
      transform_pixels<uint8_t>(tile, count, zero_point, transforms_.input_u8);
    } else {
      transform_pixels<uint16_t>(tile, count, 0, transforms_.input_bf16);
    }
    if (kernel_.prepare == nullptr) return;
    for (int p = 0; p < T::kPositions; ++p) {
      const RowRun<uint8_t> segment = {work_.rows + p * block_tiles_, 0, depth_};
      PanelProductU8 product;
      product.segments = &segment;
      product.segment_count = 1;
      product.rows = count;
      kernel_.prepare(product, prepared(p));
    }
  }

  std::byte* prepared(int64_t position) const {
    return work_.prepared + position * static_cast<int64_t>(work_.prepared_stride);
  }

  template <typename Pixel>
  void transform_pixels(int64_t tile, int64_t count, Pixel outside,
                        void (*transform)(const WinogradInt8Input<Pixel>&) noexcept) const {
    const ConvShape& s = args_.shape;
    auto* border = reinterpret_cast<Pixel*>(work_.outside);
    std::fill_n(border, widest(s), outside);
    auto** pixels = reinterpret_cast<const Pixel**>(work_.pixels);
    const PixelFinder<Pixel> finder(
        patches_,
        {static_cast<const Pixel*>(args_.src), args_.src_stride,
         static_cast<const Pixel*>(args_.src2), args_.src2_stride, border},
        block_tiles_);
    finder.find(tile, count, pixels);
    WinogradInt8Input<Pixel> input;
    input.pixels = pixels;
    input.table_rows = block_tiles_;
    input.tiles = count;
    input.channels = s.channels;
    input.zero_point = args_.zero_point;
    input.inverse_scale = args_.inverse_scale;
    input.scales = &scales_;
    input.dst = work_.values;
    input.position_stride = value_stride(s, kernel_);
    input.tile_stride = padded_inputs(s.inputs());
    transform(input);
    if (s.channels2 == 0) return;
    input.pixels += T::kPositions * block_tiles_;
    input.channels = s.channels2;
    if (input.inverse_scale != nullptr) input.inverse_scale += s.channels;
    input.dst += s.channels;
    transform(input);
  }

  /// What a step of a panel's sums is worth: of its weights times of the values.
  void scale_panel(int64_t panel) const {
    const auto* of_weights = reinterpret_cast<const float*>(packed(panel) + packed_.scales_at);
    for (int p = 0; p < T::kPositions; ++p) {
      const float of_values = scales_.scale[p];
      const float* from = of_weights + p * kPanelColumns;
      float* to = work_.scales + p * kPanelColumns;
      for (int c = 0; c < kPanelColumns; ++c) to[c] = from[c] * of_values;
    }
  }

  /// Each position is a matrix product of its own, for the first `count` tiles of the block.
  void multiply(int64_t panel, int64_t count) const {
    const auto* weights = reinterpret_cast<const int8_t*>(packed(panel));
    for (int64_t p = 0; p < T::kPositions; ++p) {
      const RowRun<uint8_t> segment = {work_.rows + p * block_tiles_, 0, depth_};
      PanelProductU8 product;
      product.segments = &segment;
      product.segment_count = 1;
      product.rows = count;
      product.panel = weights + p * packed_.position_bytes;
      product.sums = work_.sums + p * sum_stride(kernel_);
      product.prepared = prepared(p);
      const bool last_position = p + 1 == T::kPositions;
      const bool last = last_position && panel + 1 == range_.panel_end;
      const int8_t* next =
          last_position ? weights + packed_.bytes : product.panel + packed_.position_bytes;
      product.next = last ? nullptr : next;
      product.next_bytes = last ? 0 : packed_.position_bytes;
      kernel_.multiply(product);
    }
  }

  /// Runs of tiles on one line of tiles become lines of pixels.
  void transform_outputs(const PanelFinish& finish, int64_t panel, int64_t tile,
                         int64_t count) const {
    T::for_each_run(args_.shape, tile, count, [&](const TileRun& run) {
      transforms_.output(
          {.sums = work_.sums + run.first * kPanelColumns,
           .position_stride = sum_stride(kernel_),
           .tiles = run.tiles,
           .offsets = reinterpret_cast<const int32_t*>(packed(panel) + packed_.offsets_at),
           .scales = work_.scales,
           .lines = work_.lines});
      for (int64_t r = 0; r < run.lines; ++r) {
        finish.apply(work_.lines[r], run.pixel + r * args_.shape.out_width(), run.pixels);
      }
    });
  }

  const Kernel& kernel_;
  const Int8MatrixArgs& args_;
  const GemmRange& range_;
  Work<kPatch> work_;
  ConvShape patches_;
  PackedPanel packed_;
  int64_t depth_;        ///< products of a position that are made
  int64_t block_tiles_;  ///< tiles that are transformed together
  WinogradInt8Scales scales_;
  WinogradInt8Transforms transforms_;
  FinishFunction finish_;
};

template <int kPatch>
size_t packed_bytes(const Int8MatrixRow&, const Int8Weights& w) noexcept {
  const PackedPanel packed(winograd_positions(kPatch), w.inputs);
  return static_cast<size_t>(PanelColumns(w.outputs, false).panels() * packed.bytes);
}

/// To the nearest integer, ties to even; |x| < 2^22. In vectors, which nearbyint() is not in files
/// for any CPU.
float rounded(float x) {
  constexpr float kShift = 0x1.8p23f;
  return (x + kShift) - kShift;
}

/// The products of one output in its column of a panel, their offset and scale.
template <int kPatch>
void pack_column(const Kernel& kernel, const Int8Weights& w, int64_t output, int column,
                 std::byte* panel) {
  constexpr int kPositions = winograd_positions(kPatch);
  // winograd_int8_filter() gives 4 U, and so do scale and inverse.
  constexpr float kFilterFactor = 4;
  const PackedPanel packed(kPositions, w.inputs);
  const int8_t* taps = w.data + output * w.depth();
  int32_t largest[kPositions] = {}, u[kPositions];
  for (int64_t i = 0; i < w.inputs; ++i) {
    winograd_int8_filter(kPatch, taps + i * w.taps, u);
    for (int p = 0; p < kPositions; ++p) largest[p] = std::max(largest[p], std::abs(u[p]));
  }
  float inverse[kPositions];
  for (int p = 0; p < kPositions; ++p) {
    inverse[p] = largest[p] == 0 ? 0 : 127 / static_cast<float>(largest[p]);
  }
  int32_t column_sums[kPositions] = {};
  for (int64_t i = 0; i < w.inputs; ++i) {
    winograd_int8_filter(kPatch, taps + i * w.taps, u);
    auto* to = reinterpret_cast<int8_t*>(panel) + kernel.layout.at(i, column);
    for (int p = 0; p < kPositions; ++p) {
      const auto q = static_cast<int8_t>(rounded(static_cast<float>(u[p]) * inverse[p]));
      to[p * packed.position_bytes] = q;
      column_sums[p] += q;
    }
  }
  for (int p = 0; p < kPositions; ++p) {
    const int64_t at = p * kPanelColumns + column;
    reinterpret_cast<int32_t*>(panel + packed.offsets_at)[at] = -128 * column_sums[p];
    reinterpret_cast<float*>(panel + packed.scales_at)[at] =
        w.scales[output] * (static_cast<float>(largest[p]) / kFilterFactor / 127);
  }
}

template <int kPatch>
void pack(const Int8MatrixRow& row, const Int8Weights& w, bool, int64_t begin, int64_t end,
          void* packed) noexcept {
  const PackedPanel layout(winograd_positions(kPatch), w.inputs);
  for (int64_t panel = begin; panel < end; ++panel) {
    std::byte* to = static_cast<std::byte*>(packed) + panel * layout.bytes;
    std::fill_n(to, layout.bytes, std::byte{0});
    for (int c = 0; c < kPanelColumns && panel * kPanelColumns + c < w.outputs; ++c) {
      pack_column<kPatch>(*row.panel, w, panel * kPanelColumns + c, c, to);
    }
  }
}

template <int kPatch>
bool takes(const Int8MatrixRow&, const ConvShape& s) noexcept {
  const bool is_3x3 = s.kernel_height == 3 && s.kernel_width == 3 && s.stride == 1;
  if (!is_3x3 || s.channels % 4 != 0 || s.channels2 % 4 != 0) return false;
  return kPatch == 4 || (s.upsample2x && s.pad_top == 1 && s.pad_left == 1);
}

template <int kPatch>
double cost(const Int8MatrixRow& row, const ConvShape& s) noexcept {
  // Cycles per value of a patch and channel, measured: reading and rounding, joining.
  constexpr double kInputCycles = 0.1, kOutputCycles = 0.2;
  constexpr int kPositions = winograd_positions(kPatch);
  const auto in = static_cast<double>(s.inputs()), out = static_cast<double>(s.outputs);
  const double input = kInputCycles + row.panel->prepare_cost * 1e-3;
  return static_cast<double>(WinogradTiling<kPatch>::tiles(s)) * kPositions *
         (in * out * row.panel->cost * 1e-3 + input * in + kOutputCycles * out);
}

template <int kPatch>
void run(const Int8MatrixRow& row, const Int8MatrixArgs& args, const GemmRange& range,
         void* scratch) noexcept {
  WinogradInt8Run<kPatch>(row, args, range, scratch).run();
}

template <int kPatch>
Int8MatrixRow make_row(const Kernel& panel) {
  constexpr const char* kMethod = kPatch == 3 ? "winograd2x2_enlarged_" : "winograd2x2_";
  return {
      .name = std::string("matrix_int8_") + kMethod + std::string(panel.name),
      .needs = panel.needs,
      .method = Int8Method::winograd,
      .panel = &panel,
      .takes = takes<kPatch>,
      .cost = cost<kPatch>,
      .units = [](const ConvShape& s) noexcept { return WinogradTiling<kPatch>::tiles(s); },
      .unit_lines = WinogradTiling<kPatch>::kOutputs,
      .unit_tile = [](const Int8MatrixRow& row) noexcept -> int64_t { return row.panel->row_tile; },
      .packed_bytes = packed_bytes<kPatch>,
      .pack = pack<kPatch>,
      .scratch_bytes =
          [](const Int8MatrixRow& row, const Int8MatrixArgs& args) noexcept {
            return Work<kPatch>(*row.panel, args.shape, nullptr).bytes;
          },
      .run = run<kPatch>};
}

}  // namespace

Int8MatrixRow int8_winograd_row(const Kernel& panel, int patch) {
  return patch == 3 ? make_row<3>(panel) : make_row<4>(panel);
}

}  // namespace edgefusion::kernels
