#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "core/thread_pool.h"
#include "engine/memory_plan.h"
#include "engine/program.h"
#include "engine/weight_store.h"
#include "graph/graph.h"

namespace edgefusion::engine {

/// What a step gets when it runs: threads, and work space of its own for each of them.
struct RunContext {
  ThreadPool& pool;
  std::byte* scratch;  ///< threads x scratch_per_thread bytes
  size_t scratch_per_thread;

  std::byte* scratch_of(int thread) const {
    return scratch + static_cast<size_t>(thread) * scratch_per_thread;
  }
};

/// Parts of element-wise loops: below this many elements waking another thread costs more than the
/// work.
constexpr int64_t kElementGrain = 16384;

/// A step: pointers, sizes and kernels are bound; running it cannot fail.
using StepFunction = std::function<void(const RunContext&)>;

/// Everything a node needs to become a step. Lowering runs twice: first with no memory behind it
/// (all pointers null), to learn how much weights and scratch take, then for real.
class Lowering {
 public:
  Lowering(const graph::Graph& graph, const MemoryPlan& plan, WeightStore& weights,
           const Runtime& runtime)
      : graph_(graph), plan_(plan), weights_(weights), runtime_(runtime) {}

  void begin(const graph::Node& node) { node_ = &node; }
  void set_arena(std::byte* arena) { arena_ = arena; }

  const graph::Graph& graph() const { return graph_; }
  const graph::Node& node() const { return *node_; }
  IsaSet isa() const { return runtime_.isa; }
  ThreadPool& pool() const { return *runtime_.pool; }
  bool measuring() const { return weights_.measuring(); }
  WeightStore& weights() { return weights_; }

  bool has(size_t slot) const { return node_->input(slot) != graph::kNoValue; }
  const Shape& shape(size_t slot) const { return graph_.value(node_->input(slot)).shape; }
  const Shape& output_shape() const { return graph_.value(node_->output).shape; }
  /// Types in which an operand and the result are stored.
  DType dtype(size_t slot) const { return graph_.value(node_->input(slot)).dtype; }
  DType output_dtype() const { return graph_.value(node_->output).dtype; }
  const graph::Node& producer(size_t slot) const { return graph_.producer(node_->input(slot)); }

  /// An activation in the arena, or a constant's data; nullptr while measuring or if absent.
  template <typename T>
  const T* src(size_t slot) const {
    return reinterpret_cast<const T*>(address(slot));
  }
  template <typename T>
  T* dst() const {
    return reinterpret_cast<T*>(arena_address(node_->output));
  }

  /// What the node keeps while its chain runs: line_state_bytes().
  template <typename T>
  T* line_state() const {
    return reinterpret_cast<T*>(buffer_address(plan_.state_of_value, node_->output));
  }

  /// Bytes of an element of the result.
  size_t element_bytes() const { return size_of(output_dtype()); }

  /// The place in the store of the weight at `slot`, packed as `layout` says (the name of the
  /// kernel's row, or of a form that several share).
  WeightStore::Place place_weight(size_t slot, size_t bytes, const std::string& layout,
                                  std::string_view numbers = {});

  /// A weight (or constant) input as f32 in the store; nullptr if absent or while measuring.
  const float* vector_f32(size_t slot);

  /// The memory of a value, a window of it if that is all there is; nullptr while measuring.
  std::byte* arena_address(graph::ValueId value) const {
    return buffer_address(plan_.buffer_of_value, value);
  }

  /// Work space each thread needs in this step.
  void need_scratch(size_t bytes_per_thread);
  size_t scratch_per_thread() const { return scratch_per_thread_; }

 private:
  /// How this node has its weights packed, for the hash of the region's layout.
  std::string weight_layout(const std::string& layout) const;
  const std::byte* address(size_t slot) const;
  std::byte* buffer_address(const std::vector<int>& buffers, graph::ValueId value) const;

  const graph::Graph& graph_;
  const MemoryPlan& plan_;
  WeightStore& weights_;
  const Runtime& runtime_;
  const graph::Node* node_ = nullptr;
  std::byte* arena_ = nullptr;
  size_t scratch_per_thread_ = 0;
};

/// Turns the node the lowering stands at into a step; empty for ops that do nothing at run time
/// (inputs, weights, constants, reshapes).
using LowerFunction = StepFunction (*)(Lowering&);
LowerFunction lower_function(graph::OpKind op);

// One file per group: lower_conv2d.cc, lower_linear.cc, ...
StepFunction lower_conv2d(Lowering& lowering);
StepFunction lower_linear(Lowering& lowering);
StepFunction lower_attention(Lowering& lowering);
StepFunction lower_group_norm(Lowering& lowering);
StepFunction lower_layer_norm(Lowering& lowering);
StepFunction lower_activation(Lowering& lowering);
StepFunction lower_geglu(Lowering& lowering);
StepFunction lower_add(Lowering& lowering);
StepFunction lower_mul(Lowering& lowering);
StepFunction lower_affine(Lowering& lowering);
StepFunction lower_concat(Lowering& lowering);
StepFunction lower_slice(Lowering& lowering);
StepFunction lower_resize_nearest(Lowering& lowering);
StepFunction lower_embedding(Lowering& lowering);
StepFunction lower_timestep_embedding(Lowering& lowering);
StepFunction lower_token_mask(Lowering& lowering);
StepFunction lower_select_token(Lowering& lowering);
StepFunction lower_convert(Lowering& lowering);

}  // namespace edgefusion::engine
