#include "onnx/op_exporters.h"

namespace edgefusion::onnx {
namespace {

using graph::AttentionAttrs;
using graph::AttentionSlots;
using graph::Node;
using graph::ValueId;

// Columns [begin, begin + width) of an operand as [N,heads,T,D], or [N,heads,D,T].
std::string heads_of(Exporter& e, ValueId id, int64_t begin, int64_t width, int heads,
                     bool transposed) {
  const Shape& shape = e.shape(id);
  std::string x = e.operand(id);
  if (width != shape[2]) x = e.slice(x, 2, begin, begin + width);
  x = e.reshape(x, {shape[0], shape[1], heads, width / heads});
  return e.transpose(
      x, transposed ? std::vector<int64_t>{0, 2, 3, 1} : std::vector<int64_t>{0, 2, 1, 3});
}

// [1,1,T,T]: `seen` up to the query's own place, `unseen` after it.
std::vector<float> triangle(int64_t tokens, float seen, float unseen) {
  std::vector<float> values;
  for (int64_t q = 0; q < tokens; ++q) {
    for (int64_t k = 0; k < tokens; ++k) values.push_back(k <= q ? seen : unseen);
  }
  return values;
}

// So low that its exponential is 0 beside any score, and that no sum with a score is infinite.
constexpr float kLeftOut = -1e30f;

// 1 for pairs that count, [N,1,1 or Tq,Tk].
std::string kept_pairs(Exporter& e, ValueId mask, bool causal) {
  const Shape& shape = e.shape(mask);
  const std::string zero = e.number(0.0f);
  const std::string is_zero =
      e.emit("Equal", {e.operand_as(mask, {shape[0], 1, 1, shape[1]}), zero});
  const std::string kept = e.emit("Where", {is_zero, zero, e.number(1.0f)});
  if (!causal) return kept;
  const int64_t tokens = shape[1];
  return e.emit("Mul", {kept, e.numbers(triangle(tokens, 1, 0), {1, 1, tokens, tokens})});
}

// Scores [N,heads,Tq,Tk] -> weights. A query with no key left has weights of nothing but zeros.
std::string weights_of(Exporter& e, const std::string& scores, const AttentionAttrs& attrs,
                       ValueId mask, int64_t keys) {
  const Attributes last = {{"axis", int64_t{-1}}};
  if (mask == graph::kNoValue) {
    if (!attrs.causal) return e.emit("Softmax", {scores}, last);
    const std::string bias = e.numbers(triangle(keys, 0, kLeftOut), {1, 1, keys, keys});
    return e.emit("Softmax", {e.emit("Add", {scores, bias})}, last);
  }
  const std::string kept = kept_pairs(e, mask, attrs.causal);
  const std::string is_left_out = e.emit("Equal", {kept, e.number(0.0f)});
  const std::string left = e.emit("Where", {is_left_out, e.number(kLeftOut), scores});
  return e.emit("Mul", {e.emit("Softmax", {left}, last), kept});
}

}  // namespace

std::string export_attention(Exporter& e, const Node& node) {
  const auto& attrs = node.as<AttentionAttrs>();
  const ValueId q = node.inputs[AttentionSlots::q], k = node.inputs[AttentionSlots::k],
                v = node.inputs[AttentionSlots::v];
  const int64_t width_qk = attrs.width_of_qk(e.shape(q)), width_v = attrs.width_of_v(e.shape(v));
  std::string queries = heads_of(e, q, attrs.q_begin, width_qk, attrs.heads, false);
  // Queries have fewer elements than scores, and their products stay in the range of f16.
  if (attrs.scale != 1.0f) queries = e.emit("Mul", {queries, e.number(attrs.scale)});
  const std::string keys = heads_of(e, k, attrs.k_begin, width_qk, attrs.heads, true);
  const std::string values = heads_of(e, v, attrs.v_begin, width_v, attrs.heads, false);
  const std::string scores = e.emit("MatMul", {queries, keys});
  const std::string weights =
      weights_of(e, scores, attrs, node.input(AttentionSlots::key_mask), e.shape(k)[1]);
  const std::string y = e.transpose(e.emit("MatMul", {weights, values}), {0, 2, 1, 3});
  return e.reshape(y, dims_of(e.shape(node.output)));
}

}  // namespace edgefusion::onnx
