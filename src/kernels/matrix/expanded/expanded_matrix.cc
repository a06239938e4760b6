#include "kernels/matrix/expanded/expanded_matrix.h"

#include "kernels/matrix/direct.h"
#include "kernels/matrix/direct_bf16.h"
#include "kernels/matrix/expanded/packed_panel.h"

namespace edgefusion::kernels {
namespace {

using Layer = DirectLayer<PanelProduct>;
using Work = DirectWork<PanelProduct>;

/// Panels of few bits, each expanded when it is asked for.
class ExpandedPanels {
 public:
  ExpandedPanels(const MatrixRow& row, const MatrixArgs& args, void* memory)
      : functions_(select_expand(row.needs)),
        form_(args.format, row.panel->layout, args.shape.taps() * args.shape.inputs()),
        packed_(static_cast<const std::byte*>(args.packed_weights)),
        expanded_(static_cast<uint16_t*>(memory)) {}

  static size_t bytes(const Layer& layer) {
    const int64_t depth = Layer::padded_depth(std::min(layer.depth(), layer.chunk_depth()));
    return static_cast<size_t>(depth * layer.columns()) * sizeof(uint16_t);
  }

  const uint16_t* take(int64_t panel, int64_t begin, int64_t end) const {
    form_.expand(functions_, head(panel), begin, end, expanded_);
    return expanded_;
  }
  StoredRun stored(int64_t panel, int64_t begin, int64_t end) const {
    const int64_t from =
        begin == 0 ? 0 : form_.head_bytes() + begin / kPanelDepth * form_.block_bytes();
    const int64_t to = form_.head_bytes() + padded_depth(end) / kPanelDepth * form_.block_bytes();
    return {head(panel) + from, to - from};
  }

  const std::byte* head(int64_t panel) const { return packed_ + panel * form_.bytes(); }

 private:
  ExpandFunctions functions_;
  PackedPanel form_;
  const std::byte* packed_;
  uint16_t* expanded_;
};

/// Kernels of whole panels go on from the sums of the chunk before as if there were no chunks;
/// those of a few columns add the sums of chunks, which would not be what more rows give.
bool likes_short_chunks(const MatrixRow& row, int64_t rows) {
  constexpr int64_t kFewRows = 24;
  return rows <= kFewRows && row.panel->prepare == nullptr &&
         row.panel->layout.columns == kPanelColumns;
}

void run_expanded(const MatrixRow& row, const MatrixArgs& args, const GemmRange& range,
                  void* scratch) noexcept {
  Layer layer = bf16_layer(row, args.shape);
  const Work work(layer, scratch);
  layer.short_chunks = likes_short_chunks(row, range.row_end - range.row_begin);
  const ExpandedPanels panels(row, args, static_cast<std::byte*>(scratch) + work.bytes);
  const bool scaled = args.format.code == WeightCode::s8;
  const auto scales = [&](int64_t panel) {
    return scaled ? reinterpret_cast<const float*>(panels.head(panel)) : nullptr;
  };
  run_bf16_blocks(row, args, range, Bf16Blocks{layer, work, panels, scales});
}

std::vector<MatrixRow> make_table() {
  std::vector<MatrixRow> rows;
  for (const PanelKernel& panel : panel_kernels()) rows.push_back(expanded_row(panel));
  return rows;
}

}  // namespace

MatrixRow expanded_row(const PanelKernel& panel) {
  MatrixRow row = direct_row(panel);
  row.name = "matrix_expanded_direct_" + std::string(panel.name);
  // Every CPU with the matrix unit has the instructions that make expanding cheap beside it.
  if (row.needs.has(Isa::amx_bf16)) row.needs = row.needs | Isa::avx512_bf16;
  row.packed_bytes = nullptr;
  row.pack = nullptr;
  row.scratch_bytes = [](const MatrixRow& r, const ConvShape& s) noexcept {
    const Layer layer = bf16_layer(r, s);
    return Work(layer, nullptr).bytes + ExpandedPanels::bytes(layer);
  };
  row.run = run_expanded;
  return row;
}

std::span<const MatrixRow> expanded_matrix_table() {
  static const std::vector<MatrixRow> rows = make_table();
  return rows;
}

const MatrixRow& select_expanded_matrix(IsaSet isa, const ConvShape& shape) {
  return cheapest_row(expanded_matrix_table(), isa, shape);
}

size_t expanded_bytes(const MatrixRow& row, const QuantizedWeights& weights) {
  return quantized_bytes(row.panel->layout, weights);
}

void pack_expanded(const MatrixRow& row, const QuantizedWeights& weights, bool geglu, int64_t begin,
                   int64_t end, void* packed) noexcept {
  pack_quantized(row.panel->layout, weights, geglu, begin, end, packed);
}

}  // namespace edgefusion::kernels
