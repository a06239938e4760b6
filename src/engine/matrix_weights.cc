#include "engine/matrix_weights.h"

namespace edgefusion::engine {

MatrixWeight matrix_weight(Lowering& lowering, size_t slot) {
  const Shape& shape = lowering.shape(slot);
  MatrixWeight weight;
  weight.view.dtype = lowering.weights().dtype(lowering.producer(slot));
  weight.view.outputs = shape[0];
  weight.view.inputs = shape[1];
  weight.view.taps = shape.rank() == 4 ? shape[2] * shape[3] : 1;
  return weight;
}

const void* pack_matrix(Lowering& lowering, size_t slot, const MatrixWeight& weight,
                        const kernels::PanelLayout& layout) {
  const WeightStore::Place place = lowering.place_weight(
      slot, layout.bytes(weight.view), "panels of " + std::to_string(layout.columns));
  if (place.fill == nullptr) return place.data;
  const graph::Node& node = lowering.producer(slot);
  Tensor scratch;
  kernels::WeightsView view = weight.view;
  view.data = lowering.weights().tensor(node, lowering.shape(slot), scratch).data;
  lowering.pool().parallel_for(layout.panels(view.outputs), [&](int64_t begin, int64_t end, int) {
    kernels::pack_panels(layout, view, begin, end, place.fill);
  });
  lowering.weights().release(node);
  return place.data;
}

Split choose_split(const SplitSizes& sizes, int threads) {
  const int64_t row_tiles = (sizes.rows + sizes.row_tile - 1) / sizes.row_tile;
  // With fewer than four pieces per thread one uneven piece costs more than reading memory twice.
  const bool rows_balance = row_tiles >= 4 * threads, panels_balance = sizes.panels >= 4 * threads;
  if (rows_balance != panels_balance) return rows_balance ? Split::by_rows : Split::by_panels;
  if (!rows_balance) return row_tiles >= sizes.panels ? Split::by_rows : Split::by_panels;
  return sizes.weight_bytes > sizes.source_bytes ? Split::by_panels : Split::by_rows;
}

}  // namespace edgefusion::engine
