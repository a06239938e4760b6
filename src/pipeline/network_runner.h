#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/runtime.h"
#include "core/tensor.h"
#include "engine/program.h"

namespace edgefusion::pipeline {

using NamedTensors = std::map<std::string, Tensor>;

/// Runs a Program with inputs given by name.
/// Errors: an input that is missing, unknown, or of another shape or type, named.
Result<NamedTensors> run_network(engine::Program& program, const NamedTensors& inputs,
                                 ThreadPool& pool);

}  // namespace edgefusion::pipeline
