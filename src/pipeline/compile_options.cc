#include "pipeline/compile_options.h"

#include <string>

namespace edgefusion::pipeline {

engine::CompileOptions compile_options(const Model& model, const GenerationRequest& request,
                                       std::string_view role) {
  engine::CompileOptions options = {.precision = request.precision};
  if (request.observe) {
    options.observe = [&observe = request.observe, network = std::string(role)](
                          std::string_view name, const ConstTensorView& value) {
      observe(network, name, value);
    };
  }
  if (request.precision != engine::Precision::int8) return options;
  const ModelQuantization& networks =
      request.quantization != nullptr ? *request.quantization : model.quantization();
  const auto found = networks.find(role);
  if (found != networks.end()) options.quantization = &found->second;
  return options;
}

}  // namespace edgefusion::pipeline
