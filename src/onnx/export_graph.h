#pragma once

#include <map>
#include <set>
#include <string>

#include "core/dtype.h"
#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "graph/quantization.h"
#include "onnx/draft.h"

namespace edgefusion::onnx {

struct ExportOptions {
  /// f32, or f16: weights and arithmetic in half precision, inputs and outputs of the model in f32.
  DType type = DType::f32;
  /// Layers get QuantizeLinear and DequantizeLinear as this says; nullptr: all in floats.
  const graph::NetworkQuantization* quantization = nullptr;
  /// What inputs and outputs of the graph are called in the file, if not by their own names.
  std::map<std::string, std::string> names = {};
  /// Inputs [N,...] that have one item in the file, which is repeated for all.
  std::set<std::string> shared_inputs = {};
};

/// The graph in ONNX's own operators, its static shapes, its values under their names. Values of
/// four axes lie as [N,C,H,W] in the file (their graph has [N,H,W,C]), all others as in the graph.
/// Weights are named as in the weight file and lie as there, but for matrices of tokens, which lie
/// as [K,O], and layers that a pass stacked.
/// `weights` may be read when the draft is written. Errors: a name that two values would share.
Result<Draft> export_graph(const graph::Graph& graph, const TensorSource& weights,
                           const ExportOptions& options);

}  // namespace edgefusion::onnx
