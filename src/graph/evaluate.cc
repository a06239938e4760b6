#include "graph/evaluate.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/quantized_tensor.h"
#include "graph/op_table.h"

namespace edgefusion::graph {
namespace {

// Runs the nodes in order and holds each value from its producer to its last user.
class Evaluation {
 public:
  Evaluation(const Graph& graph, const TensorSource* weights,
             const std::map<std::string, Tensor>& inputs)
      : graph_(graph), weights_(weights), held_(graph.values().size()), uses_left_(held_.size()) {
    const auto uses = graph.uses();
    for (size_t v = 0; v < uses.size(); ++v) uses_left_[v] = uses[v].size();
    for (const ValueId id : graph.outputs()) ++uses_left_[static_cast<size_t>(id)];
    for (const ValueId id : graph.inputs()) {
      const Value& value = graph.value(id);
      const auto given = inputs.find(value.name);
      EF_CHECK(given != inputs.end(), "input " + value.name + " is not given");
      EF_CHECK(given->second.shape() == value.shape && given->second.dtype() == value.dtype,
               "input " + value.name + " is " + given->second.shape().to_string() + ", expected " +
                   value.shape.to_string());
      held_[static_cast<size_t>(id)] = given->second;
    }
  }

  void run(const Node& node) {
    auto& slot = held_[static_cast<size_t>(node.output)];
    const Value& value = graph_.value(node.output);
    switch (node.op) {
      case OpKind::input:
        break;
      case OpKind::constant:
        slot = *node.as<ConstantAttrs>().data;
        break;
      case OpKind::weight:
        EF_CHECK(weights_ != nullptr, "weight " + value.name + " without a source of weights");
        slot = load_weight(node, value.shape, *weights_);
        break;
      default:
        slot = compute(node, value);
    }
    for (const ValueId input : node.inputs) {
      if (input != kNoValue && --uses_left_[static_cast<size_t>(input)] == 0) {
        held_[static_cast<size_t>(input)].reset();
      }
    }
  }

  Tensor output(ValueId id) const { return *held_[static_cast<size_t>(id)]; }

 private:
  Tensor compute(const Node& node, const Value& value) const {
    std::vector<ConstTensorView> operands(node.inputs.size());
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue) continue;
      const auto& operand = held_[static_cast<size_t>(node.inputs[i])];
      EF_CHECK(operand.has_value(), value.name + " runs before its operand");
      operands[i] = std::as_const(*operand).view();
    }
    Tensor result(value.shape, value.dtype);
    op_info(node.op).evaluate(node.attrs, operands, result.view());
    return result;
  }

  const Graph& graph_;
  const TensorSource* weights_;
  std::vector<std::optional<Tensor>> held_;
  std::vector<size_t> uses_left_;
};

}  // namespace

std::map<std::string, Tensor> evaluate(const Graph& graph, const TensorSource* weights,
                                       const std::map<std::string, Tensor>& inputs) {
  Evaluation evaluation(graph, weights, inputs);
  for (const Node& node : graph.nodes()) evaluation.run(node);
  std::map<std::string, Tensor> outputs;
  for (const ValueId id : graph.outputs()) {
    outputs.emplace(graph.value(id).name, evaluation.output(id));
  }
  return outputs;
}

Tensor load_weight(const Node& node, const Shape& shape, const TensorSource& weights) {
  Tensor result(shape, DType::f32);
  float* dst = result.values<float>().data();
  int64_t filled = 0;
  for (const std::string& name : node.as<WeightAttrs>().tensors) {
    const ConstTensorView* tensor = weights.find(name);
    EF_CHECK(tensor != nullptr, name + " is missing from " + weights.origin());
    const int64_t count = tensor->shape.elements();
    EF_CHECK(filled + count <= shape.elements(), name + " is too large for " + shape.to_string());
    if (const QuantizedTensor* codes = weights.quantized(name)) {
      const Tensor floats = dequantized(*codes);
      std::ranges::copy(floats.values<float>(), dst + filled);
    } else {
      convert_to_f32(*tensor, dst + filled);
    }
    filled += count;
  }
  EF_CHECK(filled == shape.elements(), "too few elements for " + shape.to_string());
  return result;
}

}  // namespace edgefusion::graph
