#include <cmath>

#include "onnx/op_exporters.h"

// Ops on ids and timesteps.

namespace edgefusion::onnx {
namespace {

using graph::Node;

constexpr float kLogMaxPeriod = 9.210340371976184f;  // ln 10000

// [1, dim / 2], rounded to f32 on the way as the networks were trained.
std::vector<float> frequencies(const graph::TimestepEmbeddingAttrs& attrs) {
  const int64_t half = attrs.dim / 2;
  const float steps = static_cast<float>(half) - attrs.freq_shift;
  std::vector<float> values;
  for (int64_t i = 0; i < half; ++i) {
    values.push_back(std::exp(-kLogMaxPeriod * static_cast<float>(i) / steps));
  }
  return values;
}

// Angles in half precision would be off by whole turns.
std::string in_f32(Exporter& e, const std::string& x) {
  return e.float_type() == DType::f32 ? x : e.cast(x, DType::f32);
}

}  // namespace

// Ids outside of the table read its first row and are multiplied by zero.
std::string export_embedding(Exporter& e, const Node& node) {
  const std::string ids = e.operand(node.inputs[0]);
  const auto rows = static_cast<int32_t>(e.shape(node.inputs[1])[0]);
  const std::string zero = e.integers_i32(0);
  const std::string is_inside = e.emit(
      "And", {e.emit("GreaterOrEqual", {ids, zero}), e.emit("Less", {ids, e.integers_i32(rows)})});
  const std::string safe = e.emit("Where", {is_inside, ids, zero});
  const std::string found =
      e.emit("Gather", {e.operand(node.inputs[1]), safe}, {{"axis", int64_t{0}}});
  const Shape& shape = e.shape(node.inputs[0]);
  const std::string kept = e.reshape(e.cast(is_inside, e.float_type()), {shape[0], shape[1], 1});
  return e.emit("Mul", {found, kept});
}

std::string export_timestep_embedding(Exporter& e, const Node& node) {
  const auto& attrs = node.as<graph::TimestepEmbeddingAttrs>();
  const int64_t items = e.shape(node.output)[0], half = attrs.dim / 2;
  const std::string t = e.reshape(in_f32(e, e.operand(node.inputs[0])), {items, 1});
  const std::string angles = e.emit("Mul", {t, e.numbers_f32(frequencies(attrs), {1, half})});
  const std::string sine = e.emit("Sin", {angles}), cosine = e.emit("Cos", {angles});
  std::vector<std::string> parts = {sine, cosine};
  if (attrs.flip_sin_to_cos) std::swap(parts[0], parts[1]);
  if (attrs.dim % 2 != 0) {
    const std::vector<float> zeros(static_cast<size_t>(items), 0.0f);
    parts.push_back(e.numbers_f32(zeros, {items, 1}));
  }
  const std::string y = e.emit("Concat", parts, {{"axis", int64_t{1}}});
  return e.float_type() == DType::f32 ? y : e.cast(y, e.float_type());
}

std::string export_token_mask(Exporter& e, const Node& node) {
  const int32_t padding = node.as<graph::TokenMaskAttrs>().padding_id;
  const std::string is_padding =
      e.emit("Equal", {e.operand(node.inputs[0]), e.integers_i32(padding)});
  return e.cast(e.emit("Not", {is_padding}), e.float_type());
}

// ArgMax names the first of several largest, and position 0 where no id is the token.
std::string export_select_token(Exporter& e, const Node& node) {
  const int32_t token = node.as<graph::SelectTokenAttrs>().token_id;
  std::string ranked = e.operand(node.inputs[1]);
  if (token != -1) {
    ranked = e.cast(e.emit("Equal", {ranked, e.integers_i32(token)}), DType::i32);
  }
  const std::string position =
      e.emit("ArgMax", {ranked}, {{"axis", int64_t{1}}, {"keepdims", int64_t{1}}});
  return e.emit("GatherND", {e.operand(node.inputs[0]), position}, {{"batch_dims", int64_t{1}}});
}

}  // namespace edgefusion::onnx
