#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/quantized_tensor.h"
#include "graph/evaluate.h"
#include "graph/op_table.h"
#include "graph/testing/given_weights.h"
#include "onnx/export_graph.h"
#include "onnx/split_groups.h"

namespace edgefusion::onnx {

/// Weights made up by a test, floats or codes.
class CodedWeights : public graph::GivenWeights {
 public:
  /// The codes live as long as this.
  void set_codes(const std::string& name, QuantizedTensor tensor, std::vector<std::byte> codes,
                 std::vector<float> numbers) {
    Codes& entry = codes_[name];
    entry.codes = std::move(codes);
    entry.numbers = std::move(numbers);
    entry.tensor = std::move(tensor);
    entry.tensor.codes = entry.codes.data();
    entry.tensor.code_bytes = entry.codes.size();
    const bool has_scales = entry.tensor.code <= WeightCode::s4;
    (has_scales ? entry.tensor.scales : entry.tensor.palettes) = entry.numbers.data();
    set(name, Tensor(entry.tensor.shape, DType::f32));
  }
  const QuantizedTensor* quantized(std::string_view name) const override {
    const auto found = codes_.find(name);
    return found == codes_.end() ? nullptr : &found->second.tensor;
  }

 private:
  struct Codes {
    QuantizedTensor tensor;
    std::vector<std::byte> codes;
    std::vector<float> numbers;  ///< scales, or palettes
  };
  std::map<std::string, Codes, std::less<>> codes_;
};

/// A graph to export, and what it gives for some inputs.
struct ExportCase {
  std::string name;
  graph::Graph graph;
  CodedWeights weights;
  std::map<std::string, Tensor> inputs, outputs;
  graph::NetworkQuantization quantization;
  bool is_quantized = false;
  std::vector<NodeGroup> groups;
  float bound = 1e-5f;  ///< of the largest difference, relative to the largest value

  ExportOptions options() const { return {.quantization = is_quantized ? &quantization : nullptr}; }
};

inline Tensor noise(const Shape& shape, uint32_t seed, float range = 1.0f) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-range, range);
  Tensor tensor(shape, DType::f32);
  for (float& x : tensor.values<float>()) x = uniform(random);
  return tensor;
}

inline Tensor ids(const Shape& shape, const std::vector<int32_t>& values) {
  Tensor tensor(shape, DType::i32);
  std::copy(values.begin(), values.end(), tensor.values<int32_t>().begin());
  return tensor;
}

/// One op on inputs and weights written down as they are needed, then finished.
class CaseBuilder {
 public:
  explicit CaseBuilder(std::string name) {
    result_.name = std::move(name);
    result_.graph = graph::Graph("case");
  }

  graph::ValueId input(Tensor data) {
    const std::string name = "in" + std::to_string(result_.inputs.size());
    const graph::ValueId id =
        result_.graph.add(graph::OpKind::input, graph::InputAttrs{}, {},
                          {.name = name, .shape = data.shape(), .dtype = data.dtype()});
    result_.graph.add_input(id);
    result_.inputs.emplace(name, std::move(data));
    return id;
  }
  graph::ValueId input(const Shape& shape) { return input(noise(shape, ++seed_)); }
  graph::ValueId weight(const Shape& shape) {
    const std::string name = "w" + std::to_string(++weights_) + ".weight";
    result_.weights.set(name, noise(shape, ++seed_, 0.5f));
    return weight(name, shape);
  }
  graph::ValueId weight(const std::string& name, const Shape& shape) {
    return result_.graph.add(graph::OpKind::weight, graph::WeightAttrs{{name}}, {},
                             {.name = name, .shape = shape});
  }
  graph::ValueId constant(Tensor data) {
    graph::Value value{.name = "constant" + std::to_string(++weights_),
                       .shape = data.shape(),
                       .dtype = data.dtype()};
    return result_.graph.add(graph::OpKind::constant,
                             graph::ConstantAttrs{std::make_shared<const Tensor>(std::move(data))},
                             {}, std::move(value));
  }
  graph::ValueId op(graph::OpKind kind, graph::Attrs attrs, std::vector<graph::ValueId> inputs) {
    std::vector<const graph::Value*> operands;
    for (const graph::ValueId id : inputs) {
      operands.push_back(id == graph::kNoValue ? nullptr : &result_.graph.value(id));
    }
    auto value = graph::op_info(kind).infer(attrs, operands);
    EF_CHECK(value.has_value(), result_.name + ": " + value.error().message());
    value->name = "y" + std::to_string(++values_);
    return result_.graph.add(kind, std::move(attrs), std::move(inputs), std::move(*value));
  }
  ExportCase& result() { return result_; }

  /// With what the reference makes of it.
  ExportCase finish(graph::ValueId output) {
    result_.graph.add_output(output);
    result_.outputs = graph::evaluate(result_.graph, &result_.weights, result_.inputs);
    return std::move(result_);
  }

 private:
  ExportCase result_;
  uint32_t seed_ = 0;
  int weights_ = 0, values_ = 0;
};

}  // namespace edgefusion::onnx
