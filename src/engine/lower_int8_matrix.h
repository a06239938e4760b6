#pragma once

#include "engine/lower_lines.h"
#include "engine/lowering.h"
#include "graph/quantization.h"

namespace edgefusion::engine {

/// Whether the kernels take the layer with activations of 8 bits as `layer` says.
bool takes_u8(const graph::Graph& graph, const graph::Node& node,
              const graph::LayerQuantization& layer);

/// Whether u8 of such a layer's operands is made by its kernel on the way from bf16.
bool quantizes_rows(const graph::Graph& graph, const graph::Node& node);

/// A conv2d or linear node with activations of 8 bits; operands are u8 or bf16.
StepFunction lower_int8_matrix(Lowering& lowering, const graph::Epilogue& epilogue);
LineStep lower_int8_matrix_lines(Lowering& lowering, const graph::Epilogue& epilogue);

/// Lines that its kernel makes at once.
int64_t int8_lines_at_once(const graph::Graph& graph, const graph::Node& node, IsaSet isa);

}  // namespace edgefusion::engine
