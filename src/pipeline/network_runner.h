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

/// Runs a Program that is a part of a network on those of `values` it takes; its outputs join them.
/// Errors: as above, but values it does not take are no error.
Status run_part(engine::Program& program, NamedTensors& values, ThreadPool& pool);

/// Gives a Program its held inputs. Errors: one that is missing or misshapen, named.
Status hold_inputs(engine::Program& program, const NamedTensors& values);

}  // namespace edgefusion::pipeline
