#pragma once

#include "engine/lower_lines.h"
#include "engine/matrix_weights.h"
#include "kernels/conv/conv.h"

// How the kernels of the matrix family become steps. A Matrix has `row` (pointer to a row of a
// kernel table with units, unit_lines, unit_tile and run), `args` and `sizes`.

namespace edgefusion::engine {

/// The units that make those lines of an image. The last may reach beyond it.
template <typename Row>
UnitRange units_of(const Row& row, const kernels::ConvShape& shape, Lines lines) {
  const int64_t image_lines = (shape.out_height() + row.unit_lines - 1) / row.unit_lines;
  const int64_t units = row.units(shape) / image_lines;
  return {lines.begin / row.unit_lines * units,
          (lines.end + row.unit_lines - 1) / row.unit_lines * units};
}

template <typename Matrix>
StepFunction matrix_step(Matrix matrix, const ThreadPool& pool) {
  const Split split = choose_split(matrix.sizes, pool.threads());
  return [matrix = std::move(matrix), split](const RunContext& context) {
    for_each_part(split, matrix.sizes, context, [&](const kernels::GemmRange& range, int thread) {
      matrix.row->run(*matrix.row, matrix.args, range, context.scratch_of(thread));
    });
  };
}

template <typename Matrix>
LineStep matrix_line_step(Matrix matrix) {
  using Source = decltype(matrix.args.src);
  matrix.args.shape.batch = 1;
  const auto run = [matrix = std::move(matrix)](const RunContext& context, const LineCall& call) {
    using graph::ConvSlots;
    auto args = matrix.args;
    args.src = reinterpret_cast<Source>(call.operands[ConvSlots::x]);
    args.src2 = reinterpret_cast<Source>(call.operands[ConvSlots::x2]);
    args.dst = call.result;
    args.epilogue.residual = call.operands[ConvSlots::residual];
    const UnitRange units = units_of(*matrix.row, args.shape, call.lines);
    for_each_part(units, matrix.sizes, context, [&](const kernels::GemmRange& range, int thread) {
      matrix.row->run(*matrix.row, args, range, context.scratch_of(thread));
    });
  };
  return {.begin = nullptr, .run = run};
}

}  // namespace edgefusion::engine
