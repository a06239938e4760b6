#pragma once

#include "engine/lowering.h"
#include "kernels/gemm/gemm.h"

namespace edgefusion::engine {

/// What the weight of a matrix op looks like to its kernel: [O,I] (taps 1) or [O,I,KH,KW].
struct MatrixWeight {
  kernels::WeightsView view;  ///< no data; sizes and storage dtype
};
MatrixWeight matrix_weight(Lowering& lowering, size_t slot);

/// Packs the weight at `slot` into the store, over the pool's threads, and drops its source pages.
/// nullptr while measuring.
const void* pack_matrix(Lowering& lowering, size_t slot, const MatrixWeight& weight,
                        const kernels::PanelLayout& layout);

/// How a rows x panels rectangle of results is divided among threads.
enum class Split { by_rows, by_panels };

/// The direction in which less memory is read twice: dividing rows makes every thread read all
/// weights, dividing panels makes every thread read the whole source.
struct SplitSizes {
  int64_t rows = 0, row_tile = 1, panels = 0;
  int64_t source_bytes = 0, weight_bytes = 0;
};
Split choose_split(const SplitSizes& sizes, int threads);

/// Calls body(range, thread) for parts that cover the whole rectangle, one a thread.
template <typename Body>
void for_each_part(Split split, const SplitSizes& sizes, const RunContext& context,
                   const Body& body) {
  const auto part = [&](int64_t begin, int64_t end, int thread) {
    body(split == Split::by_rows ? kernels::GemmRange{begin, end, 0, sizes.panels}
                                 : kernels::GemmRange{0, sizes.rows, begin, end},
         thread);
  };
  if (split == Split::by_rows) {
    context.pool.parallel_for(sizes.rows, sizes.row_tile, part);
  } else {
    context.pool.parallel_for(sizes.panels, part);
  }
}

/// Some of the rows of a rectangle.
struct UnitRange {
  int64_t begin = 0, end = 0;
};

/// The same for a band of the rectangle, divided as suits the band.
template <typename Body>
void for_each_part(UnitRange units, SplitSizes sizes, const RunContext& context, const Body& body) {
  sizes.rows = units.end - units.begin;
  const Split split = choose_split(sizes, context.pool.threads());
  for_each_part(split, sizes, context, [&](kernels::GemmRange range, int thread) {
    range.row_begin += units.begin;
    range.row_end += units.begin;
    body(range, thread);
  });
}

/// Runs row.run(args, range, scratch) over the whole rectangle.
template <typename Row, typename Args>
void run_split(const Row& row, const Args& args, Split split, const SplitSizes& sizes,
               const RunContext& context) {
  for_each_part(split, sizes, context, [&](const kernels::GemmRange& range, int thread) {
    row.run(args, range, context.scratch_of(thread));
  });
}

}  // namespace edgefusion::engine
