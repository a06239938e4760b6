#include "train/torch_ops.h"

#include <array>

#include "core/result.h"
#include "graph/op_table.h"
#include "train/op_functions.h"

namespace edgefusion::train {
namespace {

using graph::OpKind;
using OpFunction = at::Tensor (*)(const graph::Attrs&, Inputs);

/// nullptr for the sources, which run_graph gives.
OpFunction function_of(OpKind op) {
  switch (op) {
    case OpKind::input:
    case OpKind::weight:
    case OpKind::constant:
      return nullptr;
    case OpKind::conv2d:
      return conv2d;
    case OpKind::linear:
      return linear;
    case OpKind::attention:
      return attention;
    case OpKind::group_norm:
      return group_norm;
    case OpKind::layer_norm:
      return layer_norm;
    case OpKind::activation:
      return activation;
    case OpKind::geglu:
      return geglu;
    case OpKind::add:
      return add;
    case OpKind::mul:
      return mul;
    case OpKind::affine:
      return affine;
    case OpKind::concat:
      return concat;
    case OpKind::slice:
      return slice;
    case OpKind::reshape:
      return reshape;
    case OpKind::resize_nearest:
      return resize_nearest;
    case OpKind::embedding:
      return embedding;
    case OpKind::timestep_embedding:
      return timestep_embedding;
    case OpKind::token_mask:
      return token_mask;
    case OpKind::select_token:
      return select_token;
    case OpKind::convert:
      return convert;
  }
  return nullptr;
}

}  // namespace

at::Tensor apply_op(const graph::Node& node, std::span<const at::Tensor> inputs) {
  const OpFunction function = function_of(node.op);
  EF_CHECK(function != nullptr, "an op that computes");
  return function(node.attrs, inputs);
}

}  // namespace edgefusion::train
