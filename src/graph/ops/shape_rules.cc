#include "graph/ops/shape_rules.h"

#include <array>
#include <charconv>

namespace edgefusion::graph {

const Value& required(InputValues inputs, size_t slot) {
  EF_CHECK(slot < inputs.size() && inputs[slot] != nullptr, "operand " + std::to_string(slot));
  return *inputs[slot];
}

const Value* optional_input(InputValues inputs, size_t slot) {
  return slot < inputs.size() ? inputs[slot] : nullptr;
}

tl::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message));
}

Status check_extents(const Shape& shape) {
  for (const int64_t extent : shape.extents()) {
    if (extent < 1) return refuse("shape " + shape.to_string() + " has an extent below 1");
  }
  const auto elements = shape.checked_elements();
  if (!elements || *elements > kMaxElements) {
    return refuse("shape " + shape.to_string() + " has more than 2^40 elements");
  }
  return {};
}

Result<Value> make_output(const Shape& shape, DType dtype) {
  EF_TRY_STATUS(check_extents(shape));
  Value value;
  value.shape = shape;
  value.dtype = dtype;
  return value;
}

Status check_rank(const Value& value, std::string_view what, int rank) {
  if (value.shape.rank() == rank) return {};
  return refuse(std::string(what) + " has shape " + value.shape.to_string() + ", expected rank " +
                std::to_string(rank));
}

Status check_shape(const Value& value, std::string_view what, const Shape& expected) {
  if (value.shape == expected) return {};
  return refuse(std::string(what) + " has shape " + value.shape.to_string() + ", expected " +
                expected.to_string());
}

Status check_dtype(const Value& value, std::string_view what, DType expected) {
  if (value.dtype == expected) return {};
  return refuse(std::string(what) + " is " + std::string(to_string(value.dtype)) + ", expected " +
                std::string(to_string(expected)));
}

Status check_float(const Value& value, std::string_view what, int rank) {
  EF_TRY_STATUS(check_dtype(value, what, DType::f32));
  return check_rank(value, what, rank);
}

std::optional<int64_t> checked_macs(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  for (const int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product) || product > kMaxMacs) {
      return std::nullopt;
    }
  }
  return product;
}

Status check_macs(std::initializer_list<int64_t> factors) {
  if (checked_macs(factors)) return {};
  return refuse("more than 2^53 multiply-accumulates");
}

Result<Shape> joined_shape(const Value& x, InputValues inputs, size_t slot) {
  const Value* x2 = optional_input(inputs, slot);
  Shape shape = x.shape;
  if (x2 == nullptr) return shape;
  EF_TRY_STATUS(check_float(*x2, "x2", shape.rank()));
  Shape expected = shape;
  expected.set(-1, x2->shape[-1]);
  EF_TRY_STATUS(check_shape(*x2, "x2", expected));
  shape.set(-1, shape[-1] + x2->shape[-1]);
  EF_TRY_STATUS(check_extents(shape));
  return shape;
}

Status check_epilogue(InputValues inputs, const Shape& output) {
  if (const Value* bias = optional_input(inputs, ConvSlots::bias)) {
    EF_TRY_STATUS(check_dtype(*bias, "bias", DType::f32));
    EF_TRY_STATUS(check_shape(*bias, "bias", Shape{required(inputs, ConvSlots::weight).shape[0]}));
  }
  if (const Value* residual = optional_input(inputs, ConvSlots::residual)) {
    EF_TRY_STATUS(check_dtype(*residual, "residual", DType::f32));
    EF_TRY_STATUS(check_shape(*residual, "residual", output));
  }
  return {};
}

std::string float_text(float value) {
  std::array<char, 32> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string epilogue_text(const Epilogue& epilogue) {
  if (epilogue.geglu) return " geglu";
  if (epilogue.activation == Activation::none) return {};
  const std::string order = epilogue.activation_after_residual ? " after_residual" : "";
  return " act=" + std::string(to_string(epilogue.activation)) + order;
}

int64_t no_macs(const Attrs&, InputValues, const Value&) { return 0; }

std::string no_description(const Attrs&) { return {}; }

}  // namespace edgefusion::graph
