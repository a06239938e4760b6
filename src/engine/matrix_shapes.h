#pragma once

#include "graph/graph.h"
#include "kernels/conv/conv.h"

namespace edgefusion::engine {

/// Sizes of a conv2d or linear node as kernels want them; a linear layer is a 1x1 convolution over
/// one picture line of all its rows.
kernels::ConvShape matrix_shape(const graph::Graph& graph, const graph::Node& node);

/// Whether a matrix op works on bf16 activations where the precision allows: pictures and tokens
/// with enough channels. A first convolution of a few channels costs nothing in f32 and keeps its
/// input exact; vectors (time embeddings) likewise.
bool takes_bf16(const graph::Graph& graph, const graph::Node& node);

/// How a conv2d or linear is quantised; nullptr: not.
const graph::LayerQuantization* quantization_of(const graph::Node& node);
/// Whether its activations have 8 bits.
bool has_int8_activations(const graph::Node& node);

}  // namespace edgefusion::engine
