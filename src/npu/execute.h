#pragma once

#include <map>
#include <string>

#include "core/tensor.h"
#include "npu/device.h"
#include "npu/schedule.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// Runs a schedule tile by tile on the CPU, in f32 and plain loops (sums in double), in an on-chip
/// memory of exactly the device's size: each planned byte has room for one f32, so that elements of
/// 8 or more bits keep their planned places and buffers that overlap destroy each other.
/// The schedule must have passed verify(). inputs: by the graph's names, shapes and dtypes;
/// returns the graph's outputs by name.
/// Same bits for every tiling that keeps the order of sums: all but keys in blocks, online softmax
/// and group norms, whose statistics are summed in double, tile after tile (the bound: run_op.h).
/// graph::evaluate() has these bits too, unless an epilogue is an op of its own here: what goes
/// from one to the other is rounded to f32.
std::map<std::string, Tensor> execute(const Device& device, const Work& work,
                                      const Schedule& schedule, const TensorSource* weights,
                                      const std::map<std::string, Tensor>& inputs);

}  // namespace edgefusion::npu
