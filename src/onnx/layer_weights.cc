#include "onnx/layer_weights.h"

#include <algorithm>
#include <utility>

#include "core/quantized_tensor.h"
#include "onnx/file_tensors.h"
#include "onnx/s8_weights.h"

namespace edgefusion::onnx {
namespace {

using graph::ConvSlots;
using graph::LayerQuantization;
using graph::Node;
using graph::Scheme;

// A weight operand and what the file has of it.
struct Weight {
  std::string name;
  Shape shape;  ///< [O,K] or [O,I,KH,KW]
  WeightLayout layout;

  int64_t outputs() const { return shape[0]; }
  int64_t depth() const { return shape.elements() / shape[0]; }
  int64_t output_axis() const { return layout == WeightLayout::transposed ? 1 : 0; }
  std::vector<int64_t> dims() const {
    switch (layout) {
      case WeightLayout::as_given:
        break;
      case WeightLayout::transposed:
        return {depth(), outputs()};
      case WeightLayout::pixelwise:
        return {outputs(), depth(), 1, 1};
    }
    return dims_of(shape);
  }
  FileWeight as(DType type) const {
    return {name, type, dims(), layout == WeightLayout::transposed ? "transposed" : ""};
  }
  Tensor laid_out(Tensor tensor) const {
    if (layout != WeightLayout::transposed) return tensor;
    return transposed(tensor, outputs(), depth());
  }
};

std::string float_operand(Exporter& e, const Node& source, const Weight& weight) {
  const auto make = [source, weight, &weights = e.weights(),
                     type = e.float_type()]() -> Result<Tensor> {
    return in_type(weight.laid_out(float_weight(source, weight.shape, weights)), type);
  };
  return e.weight(weight.as(e.float_type()), make);
}

/// A layer whose matrix is a value of the graph and no weight.
std::string computed_operand(Exporter& e, graph::ValueId id, const Weight& weight) {
  // Four axes of a matrix are [O,I,KH,KW], not those of a picture.
  EF_CHECK(weight.shape.rank() == 2, weight.name + ": kernels are weights");
  if (weight.layout == WeightLayout::transposed) return e.transpose(e.operand(id), {1, 0});
  return e.operand_as(id, weight.dims());
}

/// s8 through DequantizeLinear; `factor` goes into the scales.
std::string s8_operand(Exporter& e, const Weight& weight, S8Weights s8, float factor) {
  for (float& scale : s8.scales) scale *= factor;
  // Codes are a quarter of what floats would be: made once for their scales, and held.
  const auto codes = std::make_shared<const Tensor>(weight.laid_out(std::move(s8.codes)));
  const auto make = [codes]() -> Result<Tensor> { return *codes; };
  const std::string stored = e.weight(weight.as(DType::i8), make);
  const Exporter::Steps steps = e.steps(weight.name, s8.scales, weight.outputs(), DType::i8, 0);
  return e.emit_for(weight.name, "DequantizeLinear", {stored, steps.scale, steps.zero_point},
                    {{"axis", weight.output_axis()}});
}

bool all_equal(const std::vector<float>& values) {
  return std::ranges::adjacent_find(values, std::not_equal_to<>()) == values.end();
}

/// x divided by the scale of each channel.
std::string divided_by_channel(Exporter& e, const std::string& x, const Shape& x_shape,
                               const std::vector<float>& scales) {
  std::vector<float> inverse;
  for (const float scale : scales) inverse.push_back(1.0f / scale);
  std::vector<int64_t> dims(static_cast<size_t>(x_shape.rank() - channel_axis(x_shape)), 1);
  dims[0] = static_cast<int64_t>(scales.size());
  return e.emit("Mul", {x, e.numbers(inverse, dims)});
}

const LayerQuantization* quantization_of(const Exporter& e, const Node& node) {
  if (e.quantization() == nullptr) return nullptr;
  return e.quantization()->layer(graph::layer_name(e.graph(), node));
}

MatrixOperands static_operands(Exporter& e, const Node& source, const Weight& weight,
                               const LayerQuantization& layer, const std::string& x,
                               const Shape& x_shape) {
  const std::vector<float> scales = layer.channel_scales(weight.shape[1]);
  const bool has_codes = has_s8_codes(source, e.weights());
  S8Weights s8 = has_codes ? s8_codes(source, weight.shape, e.weights())
                           : round_to_s8(float_weight(source, weight.shape, e.weights()), scales);
  if (all_equal(scales)) {
    return {e.quantized(x, scales[0], layer.zero_point),
            s8_operand(e, weight, std::move(s8), 1.0f / scales[0])};
  }
  const std::string divided = divided_by_channel(e, x, x_shape, scales);
  return {e.quantized(divided, 1.0f, layer.zero_point), s8_operand(e, weight, std::move(s8), 1.0f)};
}

}  // namespace

MatrixOperands matrix_operands(Exporter& e, const Node& node, const std::string& x,
                               const Shape& x_shape, WeightLayout layout) {
  const graph::ValueId id = node.inputs[ConvSlots::weight];
  const Node& source = e.graph().producer(id);
  const Weight weight{e.graph().value(id).name, e.shape(id), layout};
  if (source.op == graph::OpKind::constant) {
    const auto make = [source, weight, type = e.float_type()]() -> Result<Tensor> {
      return in_type(weight.laid_out(*source.as<graph::ConstantAttrs>().data), type);
    };
    return {x, e.weight(weight.as(e.float_type()), make)};
  }
  if (source.op != graph::OpKind::weight) return {x, computed_operand(e, id, weight)};
  if (e.quantization() == nullptr) return {x, float_operand(e, source, weight)};
  const LayerQuantization* layer = quantization_of(e, node);
  if (layer != nullptr && layer->scheme == Scheme::w8a8) {
    return static_operands(e, source, weight, *layer, x, x_shape);
  }
  if (!has_s8_codes(source, e.weights())) return {x, float_operand(e, source, weight)};
  S8Weights s8 = s8_codes(source, weight.shape, e.weights());
  const std::vector<float> factors = factors_of_codes(source, e.weights());
  if (factors.empty()) return {x, s8_operand(e, weight, std::move(s8), 1.0f)};
  if (all_equal(factors)) return {x, s8_operand(e, weight, std::move(s8), 1.0f / factors[0])};
  return {divided_by_channel(e, x, x_shape, factors), s8_operand(e, weight, std::move(s8), 1.0f)};
}

}  // namespace edgefusion::onnx
