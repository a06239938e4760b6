#pragma once

#include <algorithm>

#include "kernels/conv/pixel_finder.h"
#include "kernels/matrix/direct_blocks.h"
#include "kernels/matrix/matrix.h"
#include "kernels/matrix/panel_finish.h"

namespace edgefusion::kernels {

inline DirectLayer<PanelProduct> bf16_layer(const MatrixRow& row, const ConvShape& shape) {
  return {.kernel = *row.panel, .shape = shape};
}

/// What rows on bf16 activations differ in.
template <typename Panels, typename Scales>
struct Bf16Blocks {
  const DirectLayer<PanelProduct>& layer;
  const DirectWork<PanelProduct>& work;
  const Panels& panels;  ///< as PanelsInPlace
  /// (panel): what the sums of each column are multiplied by, [kPanelColumns]; null: ones.
  const Scales& column_scales;
};

template <typename Panels, typename Scales>
void run_bf16_blocks(const MatrixRow& row, const MatrixArgs& args, const GemmRange& range,
                     const Bf16Blocks<Panels, Scales>& blocks) {
  const auto& [layer, work, panels, column_scales] = blocks;
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
        .apply(sums, block.pixel, block.rows, column_scales(panel));
  };
  DirectRun(layer, work, panels, find, finish).run(range);
}

}  // namespace edgefusion::kernels
