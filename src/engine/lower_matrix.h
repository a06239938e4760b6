#pragma once

#include "engine/lowering.h"

namespace edgefusion::engine {

/// A conv2d or linear node whose operands are stored as bf16.
StepFunction lower_matrix(Lowering& lowering, const graph::Epilogue& epilogue);

}  // namespace edgefusion::engine
