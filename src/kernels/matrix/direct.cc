#include "kernels/matrix/direct.h"

#include <algorithm>

#include "kernels/conv/pixel_finder.h"
#include "kernels/matrix/direct_blocks.h"
#include "kernels/matrix/pack.h"
#include "kernels/matrix/panel_finish.h"

namespace edgefusion::kernels {
namespace {

using Layer = DirectLayer<PanelProduct>;
using Work = DirectWork<PanelProduct>;

Layer layer_of(const MatrixRow& row, const ConvShape& shape) { return {*row.panel, shape}; }

void run_direct(const MatrixRow& row, const MatrixArgs& args, const GemmRange& range,
                void* scratch) noexcept {
  const Layer layer = layer_of(row, args.shape);
  const Work work(layer, scratch);
  std::fill_n(work.outside, layer.widest(), uint16_t{0});
  const PixelFinder<uint16_t> finder(
      args.shape, {args.src, args.src_stride, args.src2, args.src2_stride, work.outside},
      row.panel->block_rows);
  const auto find = [&](const PixelBlock& block, const uint16_t** tables) {
    finder.find(block.pixel, block.rows, tables);
  };
  const FinishFunction function = select_finish_panel(row.needs);
  const auto finish = [&](int64_t panel, const PixelBlock& block, const float* sums) {
    PanelFinish(args, function, row.panel->layout.columns, panel, block.image)
        .apply(sums, block.pixel, block.rows);
  };
  const auto* weights = static_cast<const uint16_t*>(args.packed_weights);
  DirectRun(layer, work, weights, find, finish).run(range);
}

}  // namespace

MatrixRow direct_row(const PanelKernel& panel) {
  return {.name = "matrix_bf16_direct_" + std::string(panel.name),
          .needs = panel.needs,
          .panel = &panel,
          .takes = [](const MatrixRow& row,
                      const ConvShape& s) noexcept { return layer_of(row, s).fits(); },
          .cost = [](const MatrixRow& row,
                     const ConvShape& s) noexcept { return layer_of(row, s).cost(); },
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
          .scratch_bytes =
              [](const MatrixRow& row, const ConvShape& s) noexcept {
                return Work(layer_of(row, s), nullptr).bytes;
              },
          .run = run_direct};
}

}  // namespace edgefusion::kernels
