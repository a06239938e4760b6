#include "kernels/matrix/direct.h"

#include "kernels/matrix/direct_bf16.h"
#include "kernels/matrix/pack.h"

namespace edgefusion::kernels {
namespace {

void run_direct(const MatrixRow& row, const MatrixArgs& args, const GemmRange& range,
                void* scratch) noexcept {
  const auto layer = bf16_layer(row, args.shape);
  const DirectWork work(layer, scratch);
  const PanelsInPlace panels(layer, static_cast<const uint16_t*>(args.packed_weights));
  const auto no_scales = [](int64_t) -> const float* { return nullptr; };
  run_bf16_blocks(row, args, range, Bf16Blocks{layer, work, panels, no_scales});
}

}  // namespace

MatrixRow direct_row(const PanelKernel& panel) {
  return {.name = "matrix_bf16_direct_" + std::string(panel.name),
          .needs = panel.needs,
          .panel = &panel,
          .takes = [](const MatrixRow& row,
                      const ConvShape& s) noexcept { return bf16_layer(row, s).fits(); },
          .cost = [](const MatrixRow& row,
                     const ConvShape& s) noexcept { return bf16_layer(row, s).cost(); },
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
                return DirectWork(bf16_layer(row, s), nullptr).bytes;
              },
          .run = run_direct};
}

}  // namespace edgefusion::kernels
