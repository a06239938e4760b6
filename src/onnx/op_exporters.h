#pragma once

#include <span>
#include <string>

#include "core/activation.h"
#include "graph/graph.h"
#include "onnx/exporter.h"

namespace edgefusion::onnx {

/// How an op is written in ONNX's operators; one row per OpKind, in its order. The function emits
/// the nodes and returns the name of the value they make, in the layout of the file. Not for
/// sources.
struct OpExporter {
  graph::OpKind kind;
  std::string (*emit)(Exporter& e, const graph::Node& node);
};
std::span<const OpExporter> op_exporters();

/// One function per op, in export_*.cc.
std::string export_conv2d(Exporter& e, const graph::Node& node);
std::string export_linear(Exporter& e, const graph::Node& node);
std::string export_attention(Exporter& e, const graph::Node& node);
std::string export_group_norm(Exporter& e, const graph::Node& node);
std::string export_layer_norm(Exporter& e, const graph::Node& node);
std::string export_activation(Exporter& e, const graph::Node& node);
std::string export_geglu(Exporter& e, const graph::Node& node);
std::string export_add(Exporter& e, const graph::Node& node);
std::string export_mul(Exporter& e, const graph::Node& node);
std::string export_affine(Exporter& e, const graph::Node& node);
std::string export_concat(Exporter& e, const graph::Node& node);
std::string export_slice(Exporter& e, const graph::Node& node);
std::string export_reshape(Exporter& e, const graph::Node& node);
std::string export_resize_nearest(Exporter& e, const graph::Node& node);
std::string export_embedding(Exporter& e, const graph::Node& node);
std::string export_timestep_embedding(Exporter& e, const graph::Node& node);
std::string export_token_mask(Exporter& e, const graph::Node& node);
std::string export_select_token(Exporter& e, const graph::Node& node);
std::string export_convert(Exporter& e, const graph::Node& node);

/// The activation of x in ONNX's operators.
std::string activate(Exporter& e, Activation activation, const std::string& x);
/// First half along an axis of 2 * width times gelu of the second.
std::string gated(Exporter& e, const std::string& x, int64_t axis, int64_t width);
/// Nearest neighbours, source index floor(i * in / out), of a picture in the file's layout.
std::string resized(Exporter& e, const std::string& x, const Shape& from, int64_t height,
                    int64_t width);

}  // namespace edgefusion::onnx
