#include "pipeline/network_runner.h"

#include <algorithm>

#include "core/trace.h"

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

Result<std::vector<ConstTensorView>> checked_inputs(const engine::Program& program,
                                                    const NamedTensors& inputs) {
  std::vector<ConstTensorView> views;
  for (const auto& info : program.inputs()) {
    EF_TRY(const ConstTensorView view, checked_input(info, inputs));
    views.push_back(view);
  }
  return views;
}

/// Outputs replace what is there under their names.
void run_into(engine::Program& program, std::span<const ConstTensorView> inputs,
              NamedTensors& outputs, ThreadPool& pool) {
  std::vector<Tensor> results;
  std::vector<TensorView> views;
  {
    const TraceScope span(pool.trace(), SpanKind::host, "tensors of results");
    for (const auto& info : program.outputs()) results.emplace_back(info.shape, info.dtype);
    for (Tensor& result : results) views.push_back(result.view());
  }
  program.run(inputs, views, pool);
  for (size_t i = 0; i < results.size(); ++i) {
    outputs.insert_or_assign(program.outputs()[i].name, std::move(results[i]));
  }
}

}  // namespace

Result<NamedTensors> run_network(engine::Program& program, const NamedTensors& inputs,
                                 ThreadPool& pool) {
  EF_TRY(const auto views, checked_inputs(program, inputs));
  if (inputs.size() != views.size()) {
    for (const auto& entry : inputs) {
      const std::string& name = entry.first;
      const bool known = std::ranges::any_of(
          program.inputs(), [&](const engine::TensorInfo& info) { return info.name == name; });
      if (!known) return fail(ErrorCode::invalid_argument, "input " + name + ": not an input");
    }
  }
  NamedTensors outputs;
  run_into(program, views, outputs, pool);
  return outputs;
}

Status run_part(engine::Program& program, NamedTensors& values, ThreadPool& pool) {
  EF_TRY(const auto views, checked_inputs(program, values));
  run_into(program, views, values, pool);
  return {};
}

Status hold_inputs(engine::Program& program, const NamedTensors& values) {
  for (const auto& info : program.held_inputs()) {
    EF_TRY(const ConstTensorView view, checked_input(info, values));
    program.hold(info.name, view);
  }
  return {};
}

}  // namespace edgefusion::pipeline
