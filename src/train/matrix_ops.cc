// conv2d, linear and attention.

#include <ATen/ATen.h>

#include <limits>

#include "train/op_functions.h"

namespace edgefusion::train {
namespace {

using graph::AttentionSlots;
using graph::ConvSlots;
using graph::LinearSlots;

/// x joined with the second source, if there is one.
at::Tensor joined(const at::Tensor& x, const at::Tensor& x2) {
  return x2.defined() ? at::cat({x, x2}, -1) : x;
}

at::Tensor finish(const graph::Epilogue& epilogue, at::Tensor sums, const at::Tensor& residual) {
  if (epilogue.geglu) {
    const auto halves = sums.chunk(2, -1);
    return halves[0] * at::gelu(halves[1]);
  }
  if (!residual.defined()) return activate(epilogue.activation, sums);
  if (epilogue.activation_after_residual) return activate(epilogue.activation, sums + residual);
  return activate(epilogue.activation, sums) + residual;
}

/// [N,C,H,W] view of a picture, zeros around it where libtorch's own padding cannot say it.
at::Tensor padded(const graph::Conv2dAttrs& attrs, at::Tensor x) {
  const bool even = attrs.pad_top == attrs.pad_bottom && attrs.pad_left == attrs.pad_right;
  if (even) return x;
  return at::constant_pad_nd(x, {attrs.pad_left, attrs.pad_right, attrs.pad_top, attrs.pad_bottom});
}

/// [N,T,columns of heads] -> [N,heads,T,width]
at::Tensor split_heads(const at::Tensor& x, int64_t begin, int64_t width, int heads) {
  return x.narrow(-1, begin, width)
      .reshape({x.size(0), x.size(1), heads, width / heads})
      .transpose(1, 2);
}

/// Which key each query may see, [N or 1,1,Tq or 1,Tk] bool; undefined: all of them.
at::Tensor seen_keys(const graph::AttentionAttrs& attrs, const at::Tensor& key_mask,
                     int64_t queries, int64_t keys, const at::Device& device) {
  at::Tensor seen;
  if (key_mask.defined()) seen = key_mask.ne(0).view({key_mask.size(0), 1, 1, keys});
  if (!attrs.causal) return seen;
  const at::Tensor before =
      at::ones({1, 1, queries, keys}, at::TensorOptions().dtype(at::kBool).device(device)).tril();
  return seen.defined() ? seen.logical_and(before) : before;
}

}  // namespace

at::Tensor conv2d(const graph::Attrs& any, Inputs inputs) {
  const auto& attrs = std::get<graph::Conv2dAttrs>(any);
  at::Tensor x = joined(inputs[ConvSlots::x], optional_operand(inputs, ConvSlots::x2));
  x = x.permute({0, 3, 1, 2});
  if (attrs.upsample2x) x = at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
  const at::Tensor with_zeros = padded(attrs, x);
  const bool done = !with_zeros.is_same(x);
  const int64_t pad_y = done ? 0 : attrs.pad_top, pad_x = done ? 0 : attrs.pad_left;
  at::Tensor y =
      at::conv2d(with_zeros, inputs[ConvSlots::weight], optional_operand(inputs, ConvSlots::bias),
                 {attrs.stride, attrs.stride}, {pad_y, pad_x})
          .permute({0, 2, 3, 1});
  const at::Tensor image_add = optional_operand(inputs, ConvSlots::image_add);
  if (image_add.defined()) y = y + image_add.view({image_add.size(0), 1, 1, image_add.size(1)});
  return finish(attrs.epilogue, y, optional_operand(inputs, ConvSlots::residual));
}

at::Tensor linear(const graph::Attrs& any, Inputs inputs) {
  const at::Tensor y = at::linear(inputs[LinearSlots::x], inputs[LinearSlots::weight],
                                  optional_operand(inputs, LinearSlots::bias));
  return finish(std::get<graph::LinearAttrs>(any).epilogue, y,
                optional_operand(inputs, LinearSlots::residual));
}

at::Tensor attention(const graph::Attrs& any, Inputs inputs) {
  const auto& attrs = std::get<graph::AttentionAttrs>(any);
  const at::Tensor &q = inputs[AttentionSlots::q], &k = inputs[AttentionSlots::k],
                   &v = inputs[AttentionSlots::v];
  const int64_t width_qk = attrs.qk_width == 0 ? q.size(2) : attrs.qk_width;
  const int64_t width_v = attrs.v_width == 0 ? v.size(2) : attrs.v_width;
  const at::Tensor seen = seen_keys(attrs, optional_operand(inputs, AttentionSlots::key_mask),
                                    q.size(1), k.size(1), q.device());
  std::optional<at::Tensor> mask;
  at::Tensor has_keys;
  if (seen.defined()) {
    // A softmax over nothing would be NaN, also in the gradient: such a query sees all keys, and
    // its result is replaced by zeros.
    has_keys = seen.any(-1, true);
    mask = seen.logical_or(has_keys.logical_not());
  }
  at::Tensor y =
      at::scaled_dot_product_attention(split_heads(q, attrs.q_begin, width_qk, attrs.heads),
                                       split_heads(k, attrs.k_begin, width_qk, attrs.heads),
                                       split_heads(v, attrs.v_begin, width_v, attrs.heads), mask,
                                       0.0, false, static_cast<double>(attrs.scale));
  if (has_keys.defined()) y = y.masked_fill(has_keys.logical_not(), 0.0);
  return y.transpose(1, 2).reshape({q.size(0), q.size(1), width_v});
}

}  // namespace edgefusion::train
