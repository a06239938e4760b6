#include "train/graph_run.h"

#include <ATen/ATen.h>

#include "train/tensors.h"
#include "train/torch_ops.h"

namespace edgefusion::train {
namespace {

using graph::OpKind;
using graph::ValueId;

/// Stacked along axis 0 where a pass merged several.
at::Tensor weight_of(const graph::WeightAttrs& attrs, const Parameters& parameters) {
  std::vector<at::Tensor> parts;
  for (const std::string& name : attrs.tensors) parts.push_back(parameters.at(name));
  return parts.size() == 1 ? parts.front() : at::cat(parts, 0);
}

at::Tensor given(const NamedTensors& inputs, const graph::Value& value) {
  const auto found = inputs.find(value.name);
  EF_CHECK(found != inputs.end(), "every input of the graph is given");
  EF_CHECK(shape_of(found->second) == value.shape, "inputs have the graph's shapes");
  return found->second;
}

}  // namespace

at::Tensor GraphRun::compute(const graph::Node& node) {
  switch (node.op) {
    case OpKind::input:
      return given(inputs_, graph_.value(node.output));
    case OpKind::weight:
      return weight_of(node.as<graph::WeightAttrs>(), parameters_)
          .view(extents_of(graph_.value(node.output).shape));
    case OpKind::constant:
      return to_torch(node.as<graph::ConstantAttrs>().data->view()).to(device());
    default:
      break;
  }
  std::vector<at::Tensor> operands;
  for (const ValueId input : node.inputs) {
    operands.push_back(input == graph::kNoValue ? at::Tensor() : value(input));
  }
  return apply_op(node, operands);
}

at::Device GraphRun::device() const {
  return inputs_.empty() ? at::Device(at::kCPU) : inputs_.begin()->second.device();
}

}  // namespace edgefusion::train
