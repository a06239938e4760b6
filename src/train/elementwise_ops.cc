// Norms, activations, arithmetic and what only moves values.

#include <ATen/ATen.h>

#include "graph/broadcast.h"
#include "train/op_functions.h"
#include "train/tensors.h"

namespace edgefusion::train {
namespace {

using graph::NormSlots;

/// b in a form that libtorch broadcasts against a as the graph's rule says.
at::Tensor meeting(const at::Tensor& a, const at::Tensor& b) {
  switch (graph::broadcast_of(shape_of(a), shape_of(b))->kind) {
    case graph::BroadcastKind::same:
    case graph::BroadcastKind::per_channel:
      return b;
    case graph::BroadcastKind::per_item: {
      std::vector<int64_t> extents(static_cast<size_t>(a.dim()), 1);
      extents.front() = a.size(0);
      extents.back() = a.size(-1);
      return b.reshape(extents);
    }
    case graph::BroadcastKind::per_row:
      return b.dim() == a.dim() ? b : b.unsqueeze(-1);
    case graph::BroadcastKind::per_position:
      return b.dim() == a.dim() ? b : b.unsqueeze(0);
  }
  return b;
}

/// Source pixel of each of `out` pixels of a line: floor(i * in / out).
at::Tensor nearest(int64_t in, int64_t out, const at::Device& device) {
  const at::Tensor i = at::arange(out, at::TensorOptions().dtype(at::kLong).device(device));
  return at::floor_divide(i * in, out);
}

}  // namespace

at::Tensor activate(Activation kind, const at::Tensor& x) {
  switch (kind) {
    case Activation::none:
      return x;
    case Activation::relu:
      return at::relu(x);
    case Activation::silu:
      return at::silu(x);
    case Activation::gelu:
      return at::gelu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::quick_gelu:
      return x * at::sigmoid(1.702 * x);
    case Activation::tanh:
      return at::tanh(x);
    case Activation::sigmoid:
      return at::sigmoid(x);
  }
  return x;
}

at::Tensor group_norm(const graph::Attrs& any, Inputs inputs) {
  const auto& attrs = std::get<graph::GroupNormAttrs>(any);
  const at::Tensor x2 = optional_operand(inputs, NormSlots::x2);
  const at::Tensor x =
      x2.defined() ? at::cat({inputs[NormSlots::x], x2}, -1) : inputs[NormSlots::x];
  const at::Tensor y =
      at::group_norm(x.movedim(-1, 1), attrs.groups, inputs[NormSlots::gamma],
                     inputs[NormSlots::beta], static_cast<double>(attrs.eps), false);
  return activate(attrs.activation, y.movedim(1, -1));
}

at::Tensor layer_norm(const graph::Attrs& any, Inputs inputs) {
  const at::Tensor& x = inputs[NormSlots::x];
  return at::layer_norm(x, {x.size(-1)}, inputs[NormSlots::gamma], inputs[NormSlots::beta],
                        static_cast<double>(std::get<graph::LayerNormAttrs>(any).eps), false);
}

at::Tensor activation(const graph::Attrs& any, Inputs inputs) {
  return activate(std::get<graph::ActivationAttrs>(any).kind, inputs[0]);
}

at::Tensor geglu(const graph::Attrs&, Inputs inputs) {
  const auto halves = inputs[0].chunk(2, -1);
  return halves[0] * at::gelu(halves[1]);
}

at::Tensor add(const graph::Attrs&, Inputs inputs) {
  return inputs[0] + meeting(inputs[0], inputs[1]);
}

at::Tensor mul(const graph::Attrs&, Inputs inputs) {
  return inputs[0] * meeting(inputs[0], inputs[1]);
}

at::Tensor affine(const graph::Attrs& any, Inputs inputs) {
  const auto& attrs = std::get<graph::AffineAttrs>(any);
  return inputs[0] * attrs.scale + attrs.shift;
}

at::Tensor concat(const graph::Attrs&, Inputs inputs) {
  return at::cat(std::vector<at::Tensor>(inputs.begin(), inputs.end()), -1);
}

at::Tensor slice(const graph::Attrs& any, Inputs inputs) {
  const auto& attrs = std::get<graph::SliceAttrs>(any);
  return inputs[0].narrow(attrs.axis, attrs.begin, attrs.end - attrs.begin);
}

at::Tensor reshape(const graph::Attrs& any, Inputs inputs) {
  return inputs[0].reshape(extents_of(std::get<graph::ReshapeAttrs>(any).shape));
}

at::Tensor resize_nearest(const graph::Attrs& any, Inputs inputs) {
  const auto& attrs = std::get<graph::ResizeAttrs>(any);
  const at::Tensor& x = inputs[0];
  // libtorch's own resizing rounds in floats, which is the same for whole factors only.
  if (attrs.height % x.size(1) == 0 && attrs.width % x.size(2) == 0) {
    return at::upsample_nearest2d(x.permute({0, 3, 1, 2}), {attrs.height, attrs.width})
        .permute({0, 2, 3, 1});
  }
  return x.index_select(1, nearest(x.size(1), attrs.height, x.device()))
      .index_select(2, nearest(x.size(2), attrs.width, x.device()));
}

at::Tensor convert(const graph::Attrs& any, Inputs inputs) {
  return inputs[0].to(std::get<graph::ConvertAttrs>(any).to == DType::bf16 ? at::kBFloat16
                                                                           : at::kFloat);
}

}  // namespace edgefusion::train
