#include "core/env.h"
#include "core/runtime.h"
#include "engine/program.h"
#include "executor.h"

namespace edgefusion::parity {
namespace {

constexpr int kThreads = 2;

}  // namespace

std::string executor_name() { return "engine"; }

Result<std::map<std::string, Tensor>> execute(graph::Graph graph, const TensorSource& weights,
                                              const std::map<std::string, Tensor>& inputs,
                                              const std::vector<std::string>& taps) {
  EF_TRY(const Runtime runtime,
         Runtime::make(kThreads, read_environment().isa.value_or(""), stderr_log(LogLevel::error)));
  EF_TRY(engine::Program program,
         engine::compile(std::move(graph), weights, {.taps = taps}, runtime));
  std::vector<ConstTensorView> input_views;
  for (const engine::TensorInfo& info : program.inputs()) {
    input_views.push_back(inputs.at(info.name).view());
  }
  std::map<std::string, Tensor> outputs;
  std::vector<TensorView> output_views;
  for (const engine::TensorInfo& info : program.outputs()) {
    output_views.push_back(
        outputs.emplace(info.name, Tensor(info.shape, info.dtype)).first->second.view());
  }
  program.run(input_views, output_views, *runtime.pool);
  return outputs;
}

}  // namespace edgefusion::parity
