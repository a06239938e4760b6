#include "graph/builder.h"

#include <algorithm>
#include <utility>

#include "graph/guess_output.h"
#include "graph/op_table.h"
#include "graph/ops/shape_rules.h"

namespace edgefusion::graph {
namespace {

bool is_source(OpKind op) {
  return op == OpKind::input || op == OpKind::weight || op == OpKind::constant;
}

}  // namespace

GraphBuilder::GraphBuilder(std::string name, const TensorSource* weights)
    : graph_(std::move(name)), weights_(weights) {}

ValueId GraphBuilder::input(std::string_view name, Shape shape, DType dtype) {
  EF_CHECK(!names_.contains(name), "two values are named " + std::string(name));
  Value value;
  value.name = name;
  value.shape = shape;
  value.dtype = dtype;
  const ValueId id = add_source(OpKind::input, InputAttrs{}, std::move(value));
  graph_.add_input(id);
  return id;
}

ValueId GraphBuilder::constant(std::string_view name, Tensor data) {
  Value value;
  value.name = unique_name(std::string(name));
  value.shape = data.shape();
  value.dtype = data.dtype();
  auto shared = std::make_shared<const Tensor>(std::move(data));
  return add_source(OpKind::constant, ConstantAttrs{std::move(shared)}, std::move(value));
}

void GraphBuilder::output(std::string_view name, ValueId x) {
  if (is_source(graph_.producer(x).op) || graph_.is_output(x)) x = affine(x, 1.0f, 0.0f);
  if (graph_.value(x).name != name) {
    EF_CHECK(!names_.contains(name), "two values are named " + std::string(name));
    rename(x, std::string(name));
  }
  graph_.add_output(x);
}

ValueId GraphBuilder::conv2d(ValueId x, const WeightScope& w, int64_t out_channels,
                             ConvOptions options) {
  const int64_t kernel = options.kernel;
  const Shape weight_shape{out_channels, shape(x)[-1], kernel, kernel};
  const ValueId kernel_value = weight(w / "weight", weight_shape);
  const ValueId bias = matrix_bias(w, out_channels, options.bias);
  Conv2dAttrs attrs;
  attrs.stride = options.stride;
  attrs.pad_top = attrs.pad_left = options.pad_bottom_right_only ? 0 : options.padding;
  attrs.pad_bottom = attrs.pad_right = options.pad_bottom_right_only ? 1 : options.padding;
  return add_node(OpKind::conv2d, attrs, {x, kernel_value, bias}, w.path());
}

ValueId GraphBuilder::linear(ValueId x, const WeightScope& w, int64_t out_features, bool bias) {
  const ValueId matrix = weight(w / "weight", {out_features, shape(x)[-1]});
  const ValueId bias_value = matrix_bias(w, out_features, bias);
  return add_node(OpKind::linear, LinearAttrs{}, {x, matrix, bias_value}, w.path());
}

ValueId GraphBuilder::matrix_bias(const WeightScope& w, int64_t out_features, bool present) {
  return present ? weight(w / "bias", {out_features}) : kNoValue;
}

ValueId GraphBuilder::group_norm(ValueId x, const WeightScope& w, int groups, float eps) {
  const int64_t channels = shape(x)[-1];
  const ValueId gamma = weight(w / "weight", {channels});
  const ValueId beta = weight(w / "bias", {channels});
  return add_node(OpKind::group_norm, GroupNormAttrs{groups, eps, Activation::none},
                  {x, gamma, beta}, w.path());
}

ValueId GraphBuilder::layer_norm(ValueId x, const WeightScope& w, float eps) {
  const int64_t channels = shape(x)[-1];
  const ValueId gamma = weight(w / "weight", {channels});
  const ValueId beta = weight(w / "bias", {channels});
  return add_node(OpKind::layer_norm, LayerNormAttrs{eps}, {x, gamma, beta}, w.path());
}

ValueId GraphBuilder::embedding(ValueId ids, const WeightScope& w, int64_t rows, int64_t width) {
  const ValueId table = weight(w / "weight", {rows, width});
  return add_node(OpKind::embedding, NoAttrs{}, {ids, table}, w.path());
}

ValueId GraphBuilder::attention(AttentionInputs inputs, AttentionAttrs attrs) {
  return add_node(OpKind::attention, attrs, {inputs.q, inputs.k, inputs.v, inputs.key_mask});
}

ValueId GraphBuilder::activation(ValueId x, Activation kind) {
  if (kind == Activation::none) return x;
  return add_node(OpKind::activation, ActivationAttrs{kind}, {x});
}

ValueId GraphBuilder::geglu(ValueId x) { return add_node(OpKind::geglu, NoAttrs{}, {x}); }

ValueId GraphBuilder::add(ValueId a, ValueId b) { return add_node(OpKind::add, NoAttrs{}, {a, b}); }

ValueId GraphBuilder::mul(ValueId a, ValueId b) { return add_node(OpKind::mul, NoAttrs{}, {a, b}); }

ValueId GraphBuilder::affine(ValueId x, float scale, float shift) {
  return add_node(OpKind::affine, AffineAttrs{scale, shift}, {x});
}

ValueId GraphBuilder::concat(std::vector<ValueId> parts) {
  return add_node(OpKind::concat, NoAttrs{}, std::move(parts));
}

ValueId GraphBuilder::slice(ValueId x, int axis, int64_t begin, int64_t end) {
  const int from_front = axis < 0 ? axis + shape(x).rank() : axis;
  return add_node(OpKind::slice, SliceAttrs{from_front, begin, end}, {x});
}

ValueId GraphBuilder::reshape(ValueId x, Shape shape) {
  return add_node(OpKind::reshape, ReshapeAttrs{shape}, {x});
}

ValueId GraphBuilder::resize_nearest(ValueId x, int64_t height, int64_t width) {
  return add_node(OpKind::resize_nearest, ResizeAttrs{height, width}, {x});
}

ValueId GraphBuilder::timestep_embedding(ValueId t, TimestepEmbeddingAttrs attrs) {
  return add_node(OpKind::timestep_embedding, attrs, {t});
}

ValueId GraphBuilder::token_mask(ValueId ids, int32_t padding_id) {
  return add_node(OpKind::token_mask, TokenMaskAttrs{padding_id}, {ids});
}

ValueId GraphBuilder::select_token(ValueId x, ValueId ids, SelectTokenAttrs attrs) {
  return add_node(OpKind::select_token, attrs, {x, ids});
}

ValueId GraphBuilder::name(ValueId x, const WeightScope& scope) {
  if (!is_source(graph_.producer(x).op) && graph_.value(x).name != scope.path()) {
    rename(x, unique_name(scope.path()));
  }
  return x;
}

void GraphBuilder::complain(std::string text) { complaints_.push_back(std::move(text)); }

void GraphBuilder::rename(ValueId x, std::string name) {
  Value& value = graph_.value(x);
  const bool derived = value.name.find(':') != std::string::npos;
  if (derived) {
    names_.erase(value.name);
  } else {
    value.aliases.push_back(std::move(value.name));  // a module of its own, still to be found
  }
  names_.insert(name);
  value.name = std::move(name);
}

std::string GraphBuilder::unique_name(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 2; names_.contains(name); ++i) name = wanted + ":" + std::to_string(i);
  return name;
}

// After the operand made last, sources aside: in nearly every network the op belongs to its module.
std::string GraphBuilder::derived_name(OpKind op, const std::vector<ValueId>& inputs) const {
  const auto rank = [this](ValueId id) {
    return std::pair(id != kNoValue && !is_source(graph_.producer(id).op), id);
  };
  const ValueId latest = *std::ranges::max_element(inputs, {}, rank);
  const std::string& operand = graph_.value(latest).name;
  return operand.substr(0, operand.find(':')) + ":" + std::string(op_info(op).name);
}

Value GraphBuilder::infer_or_guess(OpKind op, const Attrs& attrs,
                                   const std::vector<ValueId>& inputs, const std::string& name) {
  std::vector<const Value*> values;
  for (const ValueId input : inputs) {
    values.push_back(input == kNoValue ? nullptr : &graph_.value(input));
  }
  const bool from_guess =
      std::ranges::any_of(inputs, [this](ValueId input) { return guessed_.contains(input); });
  const auto next = static_cast<ValueId>(graph_.values().size());
  auto inferred = op_info(op).infer(attrs, values);
  if (from_guess || !inferred) guessed_.insert(next);
  if (inferred) return std::move(*inferred);
  if (!from_guess) {
    complain(name + ": " + std::string(op_info(op).name) + ": " + inferred.error().message());
  }
  return guess_output(op, attrs, values);
}

ValueId GraphBuilder::add_node(OpKind op, Attrs attrs, std::vector<ValueId> inputs,
                               std::string name) {
  while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
  EF_CHECK(!inputs.empty(), "a node without operands");
  name = unique_name(name.empty() ? derived_name(op, inputs) : std::move(name));
  Value output = infer_or_guess(op, attrs, inputs, name);
  names_.insert(name);
  output.name = std::move(name);
  return graph_.add(op, std::move(attrs), std::move(inputs), std::move(output));
}

ValueId GraphBuilder::add_source(OpKind op, Attrs attrs, Value value) {
  names_.insert(value.name);
  const Status status = check_extents(value.shape);
  if (!status) {
    complain(value.name + ": " + status.error().message());
    value.shape = legal_shape(value.shape);
    guessed_.insert(static_cast<ValueId>(graph_.values().size()));
  }
  return graph_.add(op, std::move(attrs), {}, std::move(value));
}

}  // namespace edgefusion::graph
