#include "npu/execute.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "graph/evaluate.h"
#include "npu/run_memory.h"
#include "npu/run_op.h"

namespace edgefusion::npu {
namespace {

/// As floats; integers keep their bits.
std::vector<float> four_byte_values(const ConstTensorView& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.shape.elements()));
  if (tensor.dtype == DType::i32) {
    std::memcpy(values.data(), tensor.data, tensor.bytes());
  } else {
    convert_to_f32(tensor, values.data());
  }
  return values;
}

std::vector<float> source_values(const NpuTensor& tensor, const graph::Graph& graph,
                                 const TensorSource* weights,
                                 const std::map<std::string, Tensor>& inputs) {
  const graph::Value& value = graph.value(tensor.value);
  const graph::Node& node = graph.producer(tensor.value);
  switch (tensor.kind) {
    case TensorKind::input: {
      const auto given = inputs.find(value.name);
      EF_CHECK(given != inputs.end() && given->second.shape() == value.shape &&
                   given->second.dtype() == value.dtype,
               "input " + value.name + " is not given as " + value.shape.to_string());
      return four_byte_values(given->second.view());
    }
    case TensorKind::weight: {
      EF_CHECK(weights != nullptr, "weight " + value.name + " without a source of weights");
      const Tensor loaded = graph::load_weight(node, value.shape, *weights);
      return four_byte_values(loaded.view());
    }
    case TensorKind::constant:
      return four_byte_values(node.as<graph::ConstantAttrs>().data->view());
    case TensorKind::activation:
      break;
  }
  EF_CHECK(false, value.name + " comes from nowhere");
  return {};
}

void run_op(const OpRun& run) {
  switch (run.op.kind) {
    case OpKind::scores:
      return run_scores(run);
    case OpKind::softmax:
      return run_softmax(run);
    case OpKind::mix:
      return run_mix(run);
    case OpKind::group_stats:
      return run_group_stats(run);
    case OpKind::group_apply:
      return run_group_apply(run);
    default:
      return run_graph_op(run);
  }
}

}  // namespace

std::map<std::string, Tensor> execute(const Device& device, const Work& work,
                                      const Schedule& schedule, const TensorSource* weights,
                                      const std::map<std::string, Tensor>& inputs) {
  const graph::Graph& graph = *work.graph;
  RunMemory memory(device, work, schedule, [&](TensorId id) {
    return source_values(work.tensor(id), graph, weights, inputs);
  });
  for (const Command& command : schedule.commands) {
    if (command.action == Action::load || command.action == Action::store) {
      const Dense moved = memory.read(command.reads[0], command.out);
      memory.write(command.writes[0], moved);
    } else {
      run_op({work, work.op(command.op), command, memory});
    }
  }
  std::map<std::string, Tensor> outputs;
  for (const graph::ValueId id : graph.outputs()) {
    const graph::Value& value = graph.value(id);
    const std::vector<float>& values = memory.dram(work.tensor_of_value[static_cast<size_t>(id)]);
    Tensor output(value.shape, value.dtype);
    EF_CHECK(output.view().bytes() == values.size() * sizeof(float),
             value.name + " has another type or size");
    std::memcpy(output.view().data, values.data(), values.size() * sizeof(float));
    outputs.emplace(value.name, std::move(output));
  }
  return outputs;
}

}  // namespace edgefusion::npu
