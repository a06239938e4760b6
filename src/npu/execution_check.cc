#include "npu/execution_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <utility>

#include "graph/evaluate.h"
#include "npu/execute.h"

namespace edgefusion::npu {
namespace {

/// Ids that every table read by the value has.
int32_t id_limit(const graph::Graph& graph, graph::ValueId ids) {
  int64_t limit = std::numeric_limits<int32_t>::max();
  for (const graph::Node& node : graph.nodes()) {
    if (node.op != graph::OpKind::embedding || node.input(0) != ids) continue;
    limit = std::min(limit, graph.value(node.input(1)).shape[0]);
  }
  return static_cast<int32_t>(limit);
}

/// The largest difference over the largest magnitude of `expected`; what is no number is infinite.
double relative_difference(const Tensor& found, const Tensor& expected) {
  const auto a = found.values<float>(), b = expected.values<float>();
  double difference = 0, magnitude = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    const double apart = std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!std::isfinite(apart)) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, apart);
    magnitude = std::max(magnitude, static_cast<double>(std::fabs(b[i])));
  }
  return difference == 0 ? 0.0 : difference / magnitude;
}

}  // namespace

ExecutionCheck compare_outputs(const std::map<std::string, Tensor>& found,
                               const std::map<std::string, Tensor>& expected) {
  EF_CHECK(found.size() == expected.size(), "outputs of another graph");
  ExecutionCheck check;
  for (const auto& [name, tensor] : expected) {
    const Tensor& other = found.at(name);
    EF_CHECK(other.shape() == tensor.shape() && other.dtype() == tensor.dtype(),
             name + " has another shape or type");
    const bool same =
        std::memcmp(other.view().data, tensor.view().data, tensor.view().bytes()) == 0;
    check.same_bits = check.same_bits && same;
    double apart = 0;
    if (tensor.dtype() == DType::f32) {
      apart = relative_difference(other, tensor);
    } else if (!same) {
      apart = std::numeric_limits<double>::infinity();  // integers are right or wrong
    }
    if (check.output.empty() || apart > check.largest) {
      check.largest = apart;
      check.output = name;
    }
  }
  return check;
}

std::map<std::string, Tensor> made_up_inputs(const graph::Graph& graph, uint32_t seed) {
  std::mt19937 random(seed);
  std::map<std::string, Tensor> inputs;
  for (const graph::ValueId id : graph.inputs()) {
    const graph::Value& value = graph.value(id);
    Tensor tensor(value.shape, value.dtype);
    if (value.dtype == DType::i32) {
      std::uniform_int_distribution<int32_t> uniform(0, id_limit(graph, id) - 1);
      for (int32_t& x : tensor.values<int32_t>()) x = uniform(random);
    } else {
      EF_CHECK(value.dtype == DType::f32, value.name + " is neither f32 nor i32");
      std::normal_distribution<float> normal;
      for (float& x : tensor.values<float>()) x = normal(random);
    }
    inputs.emplace(value.name, std::move(tensor));
  }
  return inputs;
}

ExecutionCheck check_execution(const Device& device, const PlannedRun& run,
                               const TensorSource& weights, uint32_t seed) {
  const graph::Graph& graph = *run.work.graph;
  const auto inputs = made_up_inputs(graph, seed);
  return compare_outputs(execute(device, run.work, run.schedule, &weights, inputs),
                         graph::evaluate(graph, &weights, inputs));
}

}  // namespace edgefusion::npu
