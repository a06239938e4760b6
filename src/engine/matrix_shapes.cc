#include "engine/matrix_shapes.h"

#include "kernels/matrix/matrix.h"

namespace edgefusion::engine {
namespace {

using graph::ConvSlots;

constexpr int64_t kFewestChannels = 16;

kernels::ConvShape linear_shape(const Shape& x, const Shape& weight) {
  return {.height = 1, .width = x.rows(), .channels = x[-1], .outputs = weight[0]};
}

kernels::ConvShape conv_shape(const graph::Conv2dAttrs& attrs, const Shape& x, const Shape& weight,
                              int64_t channels2) {
  return {.batch = x[0],
          .height = x[1],
          .width = x[2],
          .channels = x[3],
          .channels2 = channels2,
          .outputs = weight[0],
          .kernel_height = weight[2],
          .kernel_width = weight[3],
          .stride = attrs.stride,
          .pad_top = attrs.pad_top,
          .pad_left = attrs.pad_left,
          .pad_bottom = attrs.pad_bottom,
          .pad_right = attrs.pad_right,
          .upsample2x = attrs.upsample2x};
}

}  // namespace

kernels::ConvShape matrix_shape(const graph::Graph& graph, const graph::Node& node) {
  const Shape& x = graph.value(node.input(ConvSlots::x)).shape;
  const Shape& weight = graph.value(node.input(ConvSlots::weight)).shape;
  if (node.op == graph::OpKind::linear) return linear_shape(x, weight);
  const graph::ValueId x2 = node.input(ConvSlots::x2);
  const int64_t channels2 = x2 == graph::kNoValue ? 0 : graph.value(x2).shape[-1];
  return conv_shape(node.as<graph::Conv2dAttrs>(), x, weight, channels2);
}

bool takes_bf16(const graph::Graph& graph, const graph::Node& node) {
  const Shape& x = graph.value(node.input(ConvSlots::x)).shape;
  if (x.rank() < 3) return false;
  const kernels::ConvShape shape = matrix_shape(graph, node);
  return shape.inputs() >= kFewestChannels && kernels::matrix_takes(shape);
}

const graph::LayerQuantization* quantization_of(const graph::Node& node) {
  const bool is_conv = node.op == graph::OpKind::conv2d;
  return is_conv ? node.as<graph::Conv2dAttrs>().quantization.get()
                 : node.as<graph::LinearAttrs>().quantization.get();
}

bool has_int8_activations(const graph::Node& node) {
  const graph::LayerQuantization* layer = quantization_of(node);
  return layer != nullptr && graph::has_int8_activations(layer->scheme);
}

}  // namespace edgefusion::engine
