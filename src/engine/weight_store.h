#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/arena.h"
#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"

namespace edgefusion::engine {

/// One region of memory that holds all weights of a Program as its kernels want them. Filled in two
/// passes over the same nodes: the first only measures, the second, after allocate(), gives places.
class WeightStore {
 public:
  /// Source may be nullptr while measuring; weights then count as f16.
  explicit WeightStore(const TensorSource* source) : source_(source) {}

  bool measuring() const { return !allocated_; }
  int64_t bytes() const { return static_cast<int64_t>(used_); }

  /// Next place of that size, 64-byte aligned; nullptr while measuring.
  std::byte* place(size_t bytes);

  /// Ends the measuring pass: allocates what was asked for and starts again from the front.
  void allocate();

  /// Storage dtype of a weight node's tensors (they must agree, else f32): f32, f16 or bf16.
  DType dtype(const graph::Node& node) const;

  /// The node's tensors stacked along axis 0 in dtype(node), with the value's shape. Data points
  /// into the source if it is one tensor there, else into `scratch`, which keeps it alive.
  ConstTensorView tensor(const graph::Node& node, const Shape& shape, Tensor& scratch) const;

  /// The same as f32 in the store: biases, norm factors.
  const float* place_f32(const graph::Node& node, const Shape& shape);

  /// Tells the source that the node's tensors were packed.
  void release(const graph::Node& node) const;

 private:
  const TensorSource* source_;
  Arena region_;
  size_t used_ = 0;
  bool allocated_ = false;
};

}  // namespace edgefusion::engine
