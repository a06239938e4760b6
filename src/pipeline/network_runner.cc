#include "pipeline/network_runner.h"

#include <algorithm>

namespace edgefusion::pipeline {
namespace {

std::string describe(const Shape& shape, DType dtype) {
  return std::string(to_string(dtype)) + " " + shape.to_string();
}

Result<ConstTensorView> checked_input(const engine::TensorInfo& info, const NamedTensors& inputs) {
  const auto found = inputs.find(info.name);
  if (found == inputs.end()) {
    return fail(ErrorCode::invalid_argument,
                "input " + info.name + ": missing, expected " + describe(info.shape, info.dtype));
  }
  const Tensor& tensor = found->second;
  if (tensor.shape() != info.shape || tensor.dtype() != info.dtype) {
    return fail(ErrorCode::invalid_argument, "input " + info.name + ": " +
                                                 describe(tensor.shape(), tensor.dtype()) +
                                                 ", expected " + describe(info.shape, info.dtype));
  }
  return tensor.view();
}

}  // namespace

Result<NamedTensors> run_network(engine::Program& program, const NamedTensors& inputs,
                                 ThreadPool& pool) {
  std::vector<ConstTensorView> in;
  for (const auto& info : program.inputs()) {
    EF_TRY(const ConstTensorView view, checked_input(info, inputs));
    in.push_back(view);
  }
  if (inputs.size() != in.size()) {
    for (const auto& entry : inputs) {
      const std::string& name = entry.first;
      const bool known = std::ranges::any_of(
          program.inputs(), [&](const engine::TensorInfo& info) { return info.name == name; });
      if (!known) return fail(ErrorCode::invalid_argument, "input " + name + ": not an input");
    }
  }
  NamedTensors outputs;
  std::vector<TensorView> out;
  for (const auto& info : program.outputs()) {
    out.push_back(outputs.emplace(info.name, Tensor(info.shape, info.dtype)).first->second.view());
  }
  program.run(in, out, pool);
  return outputs;
}

}  // namespace edgefusion::pipeline
