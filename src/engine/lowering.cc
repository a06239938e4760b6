#include "engine/lowering.h"

#include <algorithm>

#include "graph/op_table.h"

namespace edgefusion::engine {

using graph::kNoValue;
using graph::OpKind;
using graph::ValueId;

std::string Lowering::weight_layout(const std::string& layout) const {
  // An attribute may decide how a weight is packed (a gate beside its value), so all are told.
  const graph::OpInfo& op = graph::op_info(node_->op);
  return std::string(op.name) + " " + op.describe(node_->attrs) + " " + layout;
}

WeightStore::Place Lowering::place_weight(size_t slot, size_t bytes, const std::string& layout,
                                          std::string_view numbers) {
  return weights_.place(producer(slot), shape(slot), bytes, weight_layout(layout), numbers);
}

const float* Lowering::vector_f32(size_t slot) {
  if (!has(slot)) return nullptr;
  const graph::Node& from = producer(slot);
  if (from.op == OpKind::weight) {
    return weights_.place_f32(from, shape(slot), weight_layout("f32"));
  }
  return src<float>(slot);
}

void Lowering::need_scratch(size_t bytes_per_thread) {
  scratch_per_thread_ = std::max(scratch_per_thread_, Arena::aligned(bytes_per_thread));
}

const std::byte* Lowering::address(size_t slot) const {
  const ValueId value = node_->input(slot);
  if (value == kNoValue) return nullptr;
  const graph::Node& from = graph_.producer(value);
  if (from.op == OpKind::constant) return from.as<graph::ConstantAttrs>().data->view().data;
  EF_CHECK(from.op != OpKind::weight,
           graph_.value(value).name + ": a weight where the kernel wants an activation");
  return arena_address(value);
}

std::byte* Lowering::buffer_address(const std::vector<int>& buffers, ValueId value) const {
  if (arena_ == nullptr) return nullptr;
  const int buffer = buffers[static_cast<size_t>(value)];
  EF_CHECK(buffer >= 0, graph_.value(value).name + " has no memory");
  return arena_ + plan_.offset_of_buffer[static_cast<size_t>(buffer)];
}

LowerFunction lower_function(OpKind op) {
  switch (op) {
    case OpKind::input:
    case OpKind::weight:
    case OpKind::constant:
    case OpKind::reshape:
      return nullptr;
    case OpKind::conv2d:
      return lower_conv2d;
    case OpKind::linear:
      return lower_linear;
    case OpKind::attention:
      return lower_attention;
    case OpKind::group_norm:
      return lower_group_norm;
    case OpKind::layer_norm:
      return lower_layer_norm;
    case OpKind::activation:
      return lower_activation;
    case OpKind::geglu:
      return lower_geglu;
    case OpKind::add:
      return lower_add;
    case OpKind::mul:
      return lower_mul;
    case OpKind::affine:
      return lower_affine;
    case OpKind::concat:
      return lower_concat;
    case OpKind::slice:
      return lower_slice;
    case OpKind::resize_nearest:
      return lower_resize_nearest;
    case OpKind::embedding:
      return lower_embedding;
    case OpKind::timestep_embedding:
      return lower_timestep_embedding;
    case OpKind::token_mask:
      return lower_token_mask;
    case OpKind::select_token:
      return lower_select_token;
    case OpKind::convert:
      return lower_convert;
  }
  return nullptr;
}

}  // namespace edgefusion::engine
