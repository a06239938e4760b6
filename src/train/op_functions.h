#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "graph/op.h"

// One function per op, behind the table in torch_ops.cc.

namespace edgefusion::train {

using Inputs = std::span<const at::Tensor>;

/// The operand in that slot; undefined where absent.
inline at::Tensor optional_operand(Inputs inputs, size_t slot) {
  return slot < inputs.size() ? inputs[slot] : at::Tensor();
}

at::Tensor activate(Activation kind, const at::Tensor& x);

at::Tensor conv2d(const graph::Attrs& attrs, Inputs inputs);
at::Tensor linear(const graph::Attrs& attrs, Inputs inputs);
at::Tensor attention(const graph::Attrs& attrs, Inputs inputs);

at::Tensor group_norm(const graph::Attrs& attrs, Inputs inputs);
at::Tensor layer_norm(const graph::Attrs& attrs, Inputs inputs);
at::Tensor activation(const graph::Attrs& attrs, Inputs inputs);
at::Tensor geglu(const graph::Attrs& attrs, Inputs inputs);
at::Tensor add(const graph::Attrs& attrs, Inputs inputs);
at::Tensor mul(const graph::Attrs& attrs, Inputs inputs);
at::Tensor affine(const graph::Attrs& attrs, Inputs inputs);

at::Tensor concat(const graph::Attrs& attrs, Inputs inputs);
at::Tensor slice(const graph::Attrs& attrs, Inputs inputs);
at::Tensor reshape(const graph::Attrs& attrs, Inputs inputs);
at::Tensor resize_nearest(const graph::Attrs& attrs, Inputs inputs);
at::Tensor convert(const graph::Attrs& attrs, Inputs inputs);

at::Tensor embedding(const graph::Attrs& attrs, Inputs inputs);
at::Tensor timestep_embedding(const graph::Attrs& attrs, Inputs inputs);
at::Tensor token_mask(const graph::Attrs& attrs, Inputs inputs);
at::Tensor select_token(const graph::Attrs& attrs, Inputs inputs);

}  // namespace edgefusion::train
