#include "graph/guess_output.h"

#include <algorithm>

#include "graph/ops/shape_rules.h"

namespace edgefusion::graph {
namespace {

// Extent of an operand, 1 where it has no such axis.
int64_t extent(InputValues inputs, size_t slot, int axis) {
  const Value* value = optional_input(inputs, slot);
  if (value == nullptr) return 1;
  const int index = axis < 0 ? axis + value->shape.rank() : axis;
  return index >= 0 && index < value->shape.rank() ? value->shape[index] : 1;
}

Shape with_last(const Shape& shape, int64_t last) {
  Shape result = shape;
  if (result.rank() > 0) result.set(-1, last);
  return result;
}

Shape sliced(const Shape& x, const SliceAttrs& attrs) {
  Shape shape = x;
  if (attrs.axis < 0 || attrs.axis >= x.rank()) return shape;
  const int64_t end = std::clamp<int64_t>(attrs.end, 0, x[attrs.axis]);
  shape.set(attrs.axis, end - std::clamp<int64_t>(attrs.begin, 0, end));
  return shape;
}

Shape guess_shape(OpKind op, const Attrs& attrs, InputValues inputs) {
  const auto at = [&](size_t slot, int axis) { return extent(inputs, slot, axis); };
  const Shape& first = required(inputs, 0).shape;
  const bool picture = first.rank() == 4;
  switch (op) {
    case OpKind::conv2d:
      return {at(0, 0), picture ? at(0, 1) : 1, picture ? at(0, 2) : 1, at(1, 0)};
    case OpKind::linear:
      return with_last(first,
                       std::get<LinearAttrs>(attrs).epilogue.geglu ? at(1, 0) / 2 : at(1, 0));
    case OpKind::attention: {
      const int64_t width = std::get<AttentionAttrs>(attrs).v_width;
      return {at(0, 0), first.rank() == 3 ? at(0, 1) : 1, width == 0 ? at(2, -1) : width};
    }
    case OpKind::geglu:
      return with_last(first, at(0, -1) / 2);
    case OpKind::concat: {
      int64_t last = 0;
      for (size_t i = 0; i < inputs.size(); ++i) last += at(i, -1);
      return with_last(first, last);
    }
    case OpKind::slice:
      return sliced(first, std::get<SliceAttrs>(attrs));
    case OpKind::reshape:
      return std::get<ReshapeAttrs>(attrs).shape;
    case OpKind::resize_nearest: {
      const auto& size = std::get<ResizeAttrs>(attrs);
      return {at(0, 0), size.height, size.width, at(0, -1)};
    }
    case OpKind::embedding:
      return {at(0, 0), first.rank() == 2 ? at(0, 1) : 1, at(1, -1)};
    case OpKind::timestep_embedding:
      return {at(0, 0), std::get<TimestepEmbeddingAttrs>(attrs).dim};
    case OpKind::token_mask:
      return {at(0, 0), first.rank() == 2 ? at(0, 1) : 1};
    case OpKind::select_token:
      return {at(0, 0), at(0, -1)};
    default:
      return first;
  }
}

}  // namespace

Shape legal_shape(const Shape& shape) {
  Shape result = shape;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    result.set(axis, std::max<int64_t>(shape[axis], 1));
  }
  if (check_extents(result)) return result;
  for (int axis = 0; axis < shape.rank(); ++axis) result.set(axis, 1);
  return result;
}

Value guess_output(OpKind op, const Attrs& attrs, InputValues inputs) {
  Value value;
  value.shape = legal_shape(guess_shape(op, attrs, inputs));
  const bool keeps_dtype = op == OpKind::concat || op == OpKind::slice || op == OpKind::reshape;
  if (keeps_dtype) value.dtype = required(inputs, 0).dtype;
  return value;
}

}  // namespace edgefusion::graph
