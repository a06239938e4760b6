#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "graph/op_table.h"

// One op on given operands. An absent optional operand is a default Tensor or a Value of no
// elements.

namespace edgefusion::graph {

/// Exact quarters between -mod/8 and mod/8: ((i * step) % mod - mod / 2) / 4.
inline Tensor pattern(const Shape& shape, int64_t step, int64_t mod) {
  Tensor tensor(shape, DType::f32);
  int64_t i = 0;
  for (float& x : tensor.values<float>()) {
    x = static_cast<float>(i++ * step % mod - mod / 2) / 4.0f;
  }
  return tensor;
}

inline Tensor ids_tensor(const Shape& shape, const std::vector<int32_t>& ids) {
  Tensor tensor(shape, DType::i32);
  std::copy(ids.begin(), ids.end(), tensor.values<int32_t>().begin());
  return tensor;
}

inline Value operand(const Shape& shape, DType dtype = DType::f32) {
  Value value;
  value.shape = shape;
  value.dtype = dtype;
  return value;
}

inline const Value kAbsent = operand(Shape{0});

inline Result<Value> infer_op(OpKind op, const Attrs& attrs, const std::vector<Value>& operands) {
  std::vector<const Value*> inputs;
  for (const Value& value : operands) {
    inputs.push_back(value.shape == Shape{0} ? nullptr : &value);
  }
  return op_info(op).infer(attrs, inputs);
}

/// Shape and dtype of the result ("[1,2,3]", "i32[1,2]"), or "refused".
inline std::string inferred(OpKind op, const Attrs& attrs, const std::vector<Value>& operands) {
  const auto result = infer_op(op, attrs, operands);
  if (!result) return "refused";
  const std::string dtype =
      result->dtype == DType::f32 ? "" : std::string(to_string(result->dtype));
  return dtype + result->shape.to_string();
}

/// The message of the refusal, or "accepted".
inline std::string refusal(OpKind op, const Attrs& attrs, const std::vector<Value>& operands) {
  const auto result = infer_op(op, attrs, operands);
  return result ? "accepted" : result.error().message();
}

inline Tensor run_op(OpKind op, const Attrs& attrs, const std::vector<Tensor>& operands) {
  std::vector<Value> values;
  std::vector<ConstTensorView> views;
  for (const Tensor& tensor : operands) {
    values.push_back(operand(tensor.shape(), tensor.dtype()));
    views.push_back(tensor.elements() == 0 ? ConstTensorView{} : tensor.view());
  }
  const auto output = infer_op(op, attrs, values);
  EXPECT_TRUE(output.has_value()) << output.error().message();
  Tensor result(output->shape, output->dtype);
  op_info(op).evaluate(attrs, views, result.view());
  return result;
}

inline int64_t macs_of(OpKind op, const Attrs& attrs, const std::vector<Value>& operands) {
  std::vector<const Value*> inputs;
  for (const Value& value : operands) {
    inputs.push_back(value.shape == Shape{0} ? nullptr : &value);
  }
  const auto output = op_info(op).infer(attrs, inputs);
  EXPECT_TRUE(output.has_value());
  return op_info(op).macs(attrs, inputs, *output);
}

inline void expect_near(const Tensor& found, const std::vector<float>& expected, float bound) {
  const auto values = found.values<float>();
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(values[i], expected[i], bound) << i;
}

}  // namespace edgefusion::graph
