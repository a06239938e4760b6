#include <cstring>

#include "graph/ops/ops.h"
#include "graph/ops/shape_rules.h"

// Ops that move elements of any dtype and compute nothing.

namespace edgefusion::graph {
namespace {

Result<Value> infer_concat(const Attrs&, InputValues inputs) {
  const Value& first = required(inputs, 0);
  Shape shape = first.shape;
  if (shape.rank() < 1) return refuse("scalars cannot be joined");
  for (size_t i = 1; i < inputs.size(); ++i) {
    const Value& part = required(inputs, i);
    const std::string what = "part " + std::to_string(i);
    EF_TRY_STATUS(check_dtype(part, what, first.dtype));
    Shape expected = first.shape;
    if (part.shape.rank() == expected.rank()) expected.set(-1, part.shape[-1]);
    EF_TRY_STATUS(check_shape(part, what, expected));
    shape.set(-1, shape[-1] + part.shape[-1]);
    EF_TRY_STATUS(check_extents(shape));
  }
  return make_output(shape, first.dtype);
}

void evaluate_concat(const Attrs&, std::span<const ConstTensorView> inputs, TensorView output) {
  const size_t width = size_of(output.dtype);
  const size_t row_bytes = static_cast<size_t>(output.shape[-1]) * width;
  const auto rows = static_cast<size_t>(output.shape.rows());
  size_t offset = 0;
  for (const ConstTensorView& part : inputs) {
    const size_t part_bytes = static_cast<size_t>(part.shape[-1]) * width;
    for (size_t r = 0; r < rows; ++r) {
      std::memcpy(output.data + r * row_bytes + offset, part.data + r * part_bytes, part_bytes);
    }
    offset += part_bytes;
  }
}

Result<Value> infer_slice(const Attrs& any, InputValues inputs) {
  const auto& attrs = std::get<SliceAttrs>(any);
  const Value& x = required(inputs, 0);
  if (attrs.axis < 0 || attrs.axis >= x.shape.rank()) {
    return refuse("axis " + std::to_string(attrs.axis) + " of x " + x.shape.to_string());
  }
  if (attrs.begin < 0 || attrs.begin >= attrs.end || attrs.end > x.shape[attrs.axis]) {
    return refuse("part " + std::to_string(attrs.begin) + " to " + std::to_string(attrs.end) +
                  " of axis " + std::to_string(attrs.axis) + " of x " + x.shape.to_string());
  }
  Shape shape = x.shape;
  shape.set(attrs.axis, attrs.end - attrs.begin);
  return make_output(shape, x.dtype);
}

void evaluate_slice(const Attrs& any, std::span<const ConstTensorView> inputs, TensorView output) {
  const auto& attrs = std::get<SliceAttrs>(any);
  const Shape& shape = inputs[0].shape;
  size_t outer = 1, inner = size_of(output.dtype);  // inner: bytes of one step along the axis
  for (int axis = 0; axis < attrs.axis; ++axis) outer *= static_cast<size_t>(shape[axis]);
  for (int axis = attrs.axis + 1; axis < shape.rank(); ++axis) {
    inner *= static_cast<size_t>(shape[axis]);
  }
  const size_t src_bytes = static_cast<size_t>(shape[attrs.axis]) * inner;
  const size_t dst_bytes = static_cast<size_t>(attrs.end - attrs.begin) * inner;
  const std::byte* src = inputs[0].data + static_cast<size_t>(attrs.begin) * inner;
  for (size_t i = 0; i < outer; ++i) {
    std::memcpy(output.data + i * dst_bytes, src + i * src_bytes, dst_bytes);
  }
}

std::string describe_slice(const Attrs& any) {
  const auto& attrs = std::get<SliceAttrs>(any);
  return "axis=" + std::to_string(attrs.axis) + " begin=" + std::to_string(attrs.begin) +
         " end=" + std::to_string(attrs.end);
}

Result<Value> infer_reshape(const Attrs& any, InputValues inputs) {
  const Value& x = required(inputs, 0);
  EF_TRY(Value output, make_output(std::get<ReshapeAttrs>(any).shape, x.dtype));
  if (output.shape.elements() != x.shape.elements()) {
    return refuse("x has shape " + x.shape.to_string() + ", which is not the elements of " +
                  output.shape.to_string());
  }
  return output;
}

void evaluate_reshape(const Attrs&, std::span<const ConstTensorView> inputs, TensorView output) {
  std::memcpy(output.data, inputs[0].data, output.bytes());
}

}  // namespace

OpInfo concat_op() {
  return {OpKind::concat, "concat", infer_concat, no_macs, evaluate_concat, no_description};
}

OpInfo slice_op() {
  return {OpKind::slice, "slice", infer_slice, no_macs, evaluate_slice, describe_slice};
}

OpInfo reshape_op() {
  return {OpKind::reshape, "reshape", infer_reshape, no_macs, evaluate_reshape, no_description};
}

}  // namespace edgefusion::graph
