#pragma once

#include <array>
#include <functional>

#include "engine/line_op.h"
#include "engine/lowering.h"

namespace edgefusion::engine {

/// Which lines of a result to make, of one image. Addresses are those of line 0 of a whole picture,
/// whether or not that line is in memory: line y lies y * bytes of a line further.
struct LineCall {
  static constexpr size_t kMostOperands = 8;
  std::array<const std::byte*, kMostOperands> operands = {};  ///< by slot; null: no picture
  std::byte* result = nullptr;
  Lines lines;
};

using LineFunction = std::function<void(const RunContext&, const LineCall&)>;

/// A node that runs by lines.
struct LineStep {
  LineFunction begin;  ///< once an image, before its first line; may be empty
  LineFunction run;
};

/// Lowers the node the lowering stands at, which runs_by_lines().
LineStep lower_lines(Lowering& lowering);

LineStep lower_conv2d_lines(Lowering& lowering);
LineStep lower_matrix_lines(Lowering& lowering, const graph::Epilogue& epilogue);
LineStep lower_group_norm_lines(Lowering& lowering);
/// activation, affine, convert, add
LineStep lower_elementwise_lines(Lowering& lowering);

}  // namespace edgefusion::engine
