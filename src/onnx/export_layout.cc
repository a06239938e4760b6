
#include "onnx/op_exporters.h"

// Ops that move elements and compute nothing.

namespace edgefusion::onnx {
namespace {

using graph::Node;

// The rows or columns that nearest neighbours read.
std::string picked(Exporter& e, const std::string& x, int64_t axis, int64_t from, int64_t to) {
  if (from == to) return x;
  std::vector<int64_t> indices(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) indices[static_cast<size_t>(i)] = i * from / to;
  return e.emit("Gather", {x, e.integers(indices, {to})}, {{"axis", axis}});
}

// A picture and the tokens of its pixels, row by row: one transposition of three axes.
bool joins_pixels(const Shape& picture, const Shape& tokens) {
  return picture.rank() == 4 && tokens.rank() == 3 && picture[0] == tokens[0] &&
         picture[1] * picture[2] == tokens[1] && picture[3] == tokens[2];
}

}  // namespace

std::string resized(Exporter& e, const std::string& x, const Shape& from, int64_t height,
                    int64_t width) {
  if (height % from[1] != 0 || width % from[2] != 0) {
    // Scales of a Resize are floats, whose rounding could move an index.
    return picked(e, picked(e, x, 2, from[1], height), 3, from[2], width);
  }
  const std::string scales = e.numbers_f32(
      {1, 1, static_cast<float>(height / from[1]), static_cast<float>(width / from[2])}, {4});
  return e.emit("Resize", {x, "", scales},
                {{"mode", std::string("nearest")},
                 {"coordinate_transformation_mode", std::string("asymmetric")},
                 {"nearest_mode", std::string("floor")}});
}

std::string export_concat(Exporter& e, const Node& node) {
  std::vector<std::string> parts;
  for (const graph::ValueId id : node.inputs) parts.push_back(e.operand(id));
  return e.emit("Concat", parts, {{"axis", int64_t{channel_axis(e.shape(node.output))}}});
}

std::string export_slice(Exporter& e, const Node& node) {
  const auto& attrs = node.as<graph::SliceAttrs>();
  const int axis = file_axis(e.shape(node.inputs[0]), attrs.axis);
  return e.slice(e.operand(node.inputs[0]), axis, attrs.begin, attrs.end);
}

std::string export_reshape(Exporter& e, const Node& node) {
  const Shape& from = e.shape(node.inputs[0]);
  const Shape& to = e.shape(node.output);
  if (joins_pixels(from, to)) {
    const std::string flat = e.reshape(e.operand(node.inputs[0]), {to[0], to[2], to[1]});
    return e.transpose(flat, {0, 2, 1});
  }
  if (joins_pixels(to, from)) {
    const std::string turned = e.transpose(e.operand(node.inputs[0]), {0, 2, 1});
    return e.reshape(turned, dims_of(file_shape(to)));
  }
  return e.to_file_layout(e.reshape(e.channels_last(node.inputs[0]), dims_of(to)), to.rank());
}

std::string export_resize_nearest(Exporter& e, const Node& node) {
  const auto& attrs = node.as<graph::ResizeAttrs>();
  return resized(e, e.operand(node.inputs[0]), e.shape(node.inputs[0]), attrs.height, attrs.width);
}

}  // namespace edgefusion::onnx
