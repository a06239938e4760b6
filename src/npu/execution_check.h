#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/tensor.h"
#include "npu/device.h"
#include "npu/planned_run.h"

namespace edgefusion::npu {

/// How far outputs may be from the untiled graph's, times the largest magnitude of each: the f32
/// bound of parity, which the order of sums alone stays far below.
inline constexpr double kExecutionBound = 2e-4;

/// A plan's outputs beside those of the untiled graph.
struct ExecutionCheck {
  bool same_bits = true;
  double largest = 0;  ///< difference, times the largest magnitude of its output; NaN: infinity
  std::string output;  ///< the one it is in

  bool holds() const { return largest <= kExecutionBound; }
};

ExecutionCheck compare_outputs(const std::map<std::string, Tensor>& found,
                               const std::map<std::string, Tensor>& expected);

/// Made-up inputs of a graph: floats of a standard normal distribution, ids within the smallest
/// table that they choose from.
std::map<std::string, Tensor> made_up_inputs(const graph::Graph& graph, uint32_t seed);

/// Runs a plan tile by tile on the CPU (execute()) and its graph untiled (graph::evaluate()), on
/// the same inputs. Quantised weights are read as the floats they stand for. The plan is of a whole
/// network (not of part_of()).
ExecutionCheck check_execution(const Device& device, const PlannedRun& run,
                               const TensorSource& weights, uint32_t seed = 0);

}  // namespace edgefusion::npu
