#include "kernels/matrix/int8/direct_int8.h"

#include <algorithm>

#include "kernels/conv/pixel_finder.h"
#include "kernels/matrix/direct_blocks.h"
#include "kernels/matrix/pack.h"
#include "kernels/matrix/panel_finish.h"
#include "kernels/quantize/quantize.h"

namespace edgefusion::kernels {
namespace {

using Layer = DirectLayer<PanelProductU8>;
using Work = DirectWork<PanelProductU8>;

Layer layer_of(const Int8MatrixRow& row, const ConvShape& shape) { return {*row.panel, shape}; }

/// Packed weights: all panels, then the scales of each column of each panel, then the sums of its
/// weights.
struct Packed {
  int8_t* panels;
  float* scales;         // [panels][kPanelColumns]
  int32_t* weight_sums;  // [panels][kPanelColumns]

  Packed(const Layer& layer, void* memory)
      : panels(static_cast<int8_t*>(memory)),
        scales(reinterpret_cast<float*>(panels + layer.panels() * layer.panel_size())),
        weight_sums(reinterpret_cast<int32_t*>(scales + layer.panels() * kPanelColumns)) {}

  static size_t bytes(const Layer& layer) {
    constexpr size_t kColumns = kPanelColumns * (sizeof(float) + sizeof(int32_t));
    return static_cast<size_t>(layer.panels()) *
           (static_cast<size_t>(layer.panel_size()) + kColumns);
  }
};

/// The layer that weights belong to, as far as packing goes.
ConvShape packing_shape(const Int8Weights& w) {
  return {.channels = w.inputs, .outputs = w.outputs, .kernel_height = w.taps};
}

size_t packed_bytes(const Int8MatrixRow& row, const Int8Weights& w) noexcept {
  const ConvShape shape = packing_shape(w);
  return Packed::bytes(layer_of(row, shape));
}

/// One output's weights into their column; returns their sum.
int32_t pack_column(const PanelGroups& layout, const Int8Weights& w, int64_t output, int column,
                    int8_t* panel) {
  const int8_t* from = w.data + output * w.depth();
  int32_t sum = 0;
  for (int64_t i = 0; i < w.inputs; ++i) {
    for (int64_t tap = 0; tap < w.taps; ++tap) {
      const int8_t weight = from[i * w.taps + tap];
      panel[layout.at(tap * w.inputs + i, column)] = weight;
      sum += weight;
    }
  }
  return sum;
}

void pack(const Int8MatrixRow& row, const Int8Weights& w, bool geglu, int64_t begin, int64_t end,
          void* memory) noexcept {
  const ConvShape shape = packing_shape(w);
  const Layer layer = layer_of(row, shape);
  const PanelColumns columns(w.outputs, geglu, row.panel->layout.columns);
  const Packed packed(layer, memory);
  for (int64_t p = begin; p < end; ++p) {
    int8_t* panel = packed.panels + p * layer.panel_size();
    float* scales = packed.scales + p * kPanelColumns;
    int32_t* sums = packed.weight_sums + p * kPanelColumns;
    std::fill_n(panel, layer.panel_size(), int8_t{0});
    std::fill_n(scales, kPanelColumns, 0.0f);
    std::fill_n(sums, kPanelColumns, 0);
    for (int c = 0; c < row.panel->layout.columns; ++c) {
      const int64_t output = columns.output(p, c);
      if (output < 0) continue;
      scales[c] = w.scales[output];
      sums[c] = pack_column(row.panel->layout, w, output, c, panel);
    }
  }
}

/// Blocks of bf16 rows quantised into memory of the call. Two sources are put side by side first: a
/// row has one scale.
class QuantizedBlock {
 public:
  /// With no memory only `bytes` is of use.
  QuantizedBlock(const Int8MatrixRow& row, const Int8MatrixArgs& args, std::byte* memory)
      : args_(args), kernel_(select_quantize(row.needs, DType::bf16)) {
    const int64_t rows = row.panel->block_rows;
    stride_ = (args.shape.inputs() + 63) / 64 * 64;
    const auto cut = [&](int64_t count, size_t size) {
      std::byte* piece = memory == nullptr ? nullptr : memory + bytes;
      bytes += (static_cast<size_t>(count) * size + 63) / 64 * 64;
      return piece;
    };
    quantized_ = reinterpret_cast<uint8_t*>(cut(rows * stride_, sizeof(uint8_t)));
    row_scales_ = reinterpret_cast<float*>(cut(rows, sizeof(float)));
    const int64_t joined_rows = args.shape.channels2 > 0 ? rows : 0;
    joined_ = reinterpret_cast<uint16_t*>(cut(joined_rows * stride_, sizeof(uint16_t)));
  }

  size_t bytes = 0;

  const float* row_scales() const { return args_.dynamic ? row_scales_ : nullptr; }

  /// Quantises the rows of the block, and tells where they lie.
  void take(const PixelBlock& block, const uint8_t** table) const {
    QuantizeRows q;
    q.src = static_cast<const uint16_t*>(args_.src) + block.pixel * args_.src_stride;
    q.ld_src = static_cast<size_t>(args_.src_stride);
    if (args_.shape.channels2 > 0) {
      join(block);
      q.src = joined_;
      q.ld_src = static_cast<size_t>(stride_);
    }
    q.dst = quantized_;
    q.ld_dst = static_cast<size_t>(stride_);
    q.columns = static_cast<size_t>(args_.shape.inputs());
    q.inverse_scale = args_.inverse_scale;
    q.zero_point = args_.zero_point;
    q.row_scales = args_.dynamic ? row_scales_ : nullptr;
    q.hadamard = args_.hadamard;
    kernel_.quantize(q, 0, static_cast<size_t>(block.rows));
    for (int64_t r = 0; r < block.rows; ++r) table[r] = quantized_ + r * stride_;
  }

 private:
  void join(const PixelBlock& block) const {
    const int64_t first = args_.shape.channels, second = args_.shape.channels2;
    for (int64_t r = 0; r < block.rows; ++r) {
      const int64_t pixel = block.pixel + r;
      const auto* src = static_cast<const uint16_t*>(args_.src) + pixel * args_.src_stride;
      const auto* src2 = static_cast<const uint16_t*>(args_.src2) + pixel * args_.src2_stride;
      std::copy_n(src, first, joined_ + r * stride_);
      std::copy_n(src2, second, joined_ + r * stride_ + first);
    }
  }

  const Int8MatrixArgs& args_;
  const QuantizeKernels& kernel_;
  int64_t stride_;  ///< of both kinds of rows, elements
  uint8_t* quantized_;
  float* row_scales_;
  uint16_t* joined_;
};

/// The layer as the panel kernel sees it: rows that are quantised on the way are one source.
ConvShape product_shape(const Int8MatrixArgs& args) {
  ConvShape shape = args.shape;
  if (args.src_type != DType::u8) {
    shape.channels = args.shape.inputs();
    shape.channels2 = 0;
  }
  return shape;
}

size_t scratch_bytes(const Int8MatrixRow& row, const Int8MatrixArgs& args) noexcept {
  const ConvShape shape = product_shape(args);
  const size_t bytes = Work(layer_of(row, shape), nullptr).bytes;
  return args.src_type == DType::u8 ? bytes : bytes + QuantizedBlock(row, args, nullptr).bytes;
}

struct Call {
  const Int8MatrixRow& row;
  const Int8MatrixArgs& args;
  const GemmRange& range;
  const Layer& layer;
  const Work& work;
};

/// `find` as DirectRun wants it; row_scales: of the block that it found last, or null.
template <typename Find>
void run_blocks(const Call& call, const Find& find, const float* row_scales) {
  const Int8MatrixArgs& args = call.args;
  const Packed packed(call.layer, const_cast<void*>(args.packed_weights));
  const FinishFunction function = select_finish_panel(call.row.needs);
  const auto finish = [&](int64_t panel, const PixelBlock& block, const int32_t* sums) {
    const IntColumns columns = {.scales = packed.scales + panel * kPanelColumns,
                                .weight_sums = packed.weight_sums + panel * kPanelColumns,
                                .zero_point = args.dynamic ? 128 : args.zero_point};
    PanelFinish(args, function, call.row.panel->layout.columns, panel, block.image)
        .apply(sums, columns, row_scales, block.pixel, block.rows);
  };
  DirectRun(call.layer, call.work, packed.panels, find, finish).run(call.range);
}

void run_u8(const Call& call) {
  const Int8MatrixArgs& args = call.args;
  std::fill_n(call.work.outside, call.layer.widest(), static_cast<uint8_t>(args.zero_point));
  const PixelFinder<uint8_t> finder(
      args.shape,
      {static_cast<const uint8_t*>(args.src), args.src_stride,
       static_cast<const uint8_t*>(args.src2), args.src2_stride, call.work.outside},
      call.row.panel->block_rows);
  const auto find = [&](const PixelBlock& block, const uint8_t** tables) {
    finder.find(block.pixel, block.rows, tables);
  };
  run_blocks(call, find, nullptr);
}

void run_bf16(const Call& call, std::byte* memory) {
  const QuantizedBlock quantized(call.row, call.args, memory);
  const auto find = [&](const PixelBlock& block, const uint8_t** table) {
    quantized.take(block, table);
  };
  run_blocks(call, find, quantized.row_scales());
}

void run(const Int8MatrixRow& row, const Int8MatrixArgs& args, const GemmRange& range,
         void* scratch) noexcept {
  const ConvShape shape = product_shape(args);
  const Layer layer = layer_of(row, shape);
  const Work work(layer, scratch);
  const Call call = {row, args, range, layer, work};
  if (args.src_type == DType::u8) return run_u8(call);
  run_bf16(call, static_cast<std::byte*>(scratch) + work.bytes);
}

}  // namespace

Int8MatrixRow int8_direct_row(const PanelKernelOf<PanelProductU8>& panel) {
  return {
      .name = "matrix_int8_direct_" + std::string(panel.name),
      .needs = panel.needs,
      .method = Int8Method::direct,
      .panel = &panel,
      .takes = [](const Int8MatrixRow& row,
                  const ConvShape& s) noexcept { return layer_of(row, s).fits(); },
      .cost = [](const Int8MatrixRow& row,
                 const ConvShape& s) noexcept { return layer_of(row, s).cost(); },
      .units = [](const ConvShape& s) noexcept { return s.pixels(); },
      .unit_lines = 1,
      .unit_tile = [](const Int8MatrixRow& row) noexcept -> int64_t { return row.panel->row_tile; },
      .packed_bytes = packed_bytes,
      .pack = pack,
      .scratch_bytes = scratch_bytes,
      .run = run};
}

}  // namespace edgefusion::kernels
