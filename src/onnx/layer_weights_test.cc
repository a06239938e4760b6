#include "onnx/layer_weights.h"

#include <gtest/gtest.h>

#include <utility>

#include "onnx/testing/quantized_cases.h"

namespace edgefusion::onnx {
namespace {

using graph::OpKind;
using graph::Scheme;

ExportCase coded_layer(graph::LayerQuantization layer) {
  return layer_case({"layer", OpKind::linear, {2, 3, 4}, {2, 4}, std::move(layer)});
}

const onnx_proto::NodeProto* find(const Draft& draft, const std::string& op_type) {
  for (const auto& node : draft.model().graph().node()) {
    if (node.op_type() == op_type) return &node;
  }
  return nullptr;
}

Tensor data_of(const Draft& draft, const std::string& name) {
  for (const Initializer& initializer : draft.initializers()) {
    if (initializer.name == name) return *initializer.make();
  }
  ADD_FAILURE() << name;
  return {};
}

Draft exported(const ExportCase& given, bool with_scales = true) {
  ExportOptions options = given.options();
  if (!with_scales) options.quantization = nullptr;
  return *export_graph(given.graph, given.weights, options);
}

TEST(MatrixOperands, HaveTheFilesCodesAndTheLayersScale) {
  const ExportCase given =
      coded_layer({.scheme = Scheme::w8a8, .input_scale = {0.5f}, .zero_point = 100});
  const Draft draft = exported(given);
  const auto* quantize = find(draft, "QuantizeLinear");
  ASSERT_NE(quantize, nullptr);
  EXPECT_EQ(data_of(draft, quantize->input(1)).values<float>()[0], 0.5f);
  EXPECT_EQ(data_of(draft, quantize->input(2)).values<uint8_t>()[0], 100);

  const QuantizedTensor& codes = *given.weights.quantized("layer0.weight");
  const Tensor stored = data_of(draft, "layer.weight");  // [K,O]
  EXPECT_EQ(stored.dtype(), DType::i8);
  const auto* expected = reinterpret_cast<const int8_t*>(codes.codes);
  for (size_t o = 0; o < 2; ++o) {
    for (size_t k = 0; k < 4; ++k) {
      EXPECT_EQ(stored.values<int8_t>()[k * 2 + o], expected[o * 4 + k]);
    }
  }
  for (const auto& node : draft.model().graph().node()) {
    if (node.op_type() != "DequantizeLinear" || node.input(0) != "layer.weight") continue;
    const Tensor scales = data_of(draft, node.input(1));
    EXPECT_FLOAT_EQ(scales.values<float>()[1], codes.scales[1] / 0.5f);
    EXPECT_EQ(node.attribute(0).i(), 1);  // columns are outputs
  }
}

TEST(MatrixOperands, DivideByScalesOfChannelsBeforeOneStepForAll) {
  const Draft draft =
      exported(coded_layer({.scheme = Scheme::w8a8, .input_scale = {0.5f, 0.25f, 0.5f, 1.0f}}));
  const auto* quantize = find(draft, "QuantizeLinear");
  ASSERT_NE(quantize, nullptr);
  EXPECT_EQ(data_of(draft, quantize->input(1)).values<float>()[0], 1.0f);
  const auto* divide = find(draft, "Mul");
  ASSERT_NE(divide, nullptr);
  EXPECT_EQ(data_of(draft, divide->input(1)).values<float>()[1], 4.0f);
}

TEST(MatrixOperands, LeaveActivationsAloneWhereTheirScaleIsFoundOnTheWay) {
  for (const Scheme scheme : {Scheme::w8a8_dynamic, Scheme::w8a16}) {
    const Draft draft = exported(coded_layer({.scheme = scheme}));
    EXPECT_EQ(find(draft, "QuantizeLinear"), nullptr);
    EXPECT_NE(find(draft, "DequantizeLinear"), nullptr);
  }
}

TEST(MatrixOperands, AreFloatsOfTheCodesIfNobodyAsksForScales) {
  const ExportCase given = coded_layer({.scheme = Scheme::w8a8, .input_scale = {0.5f}});
  const Draft draft = exported(given, false);
  EXPECT_EQ(find(draft, "DequantizeLinear"), nullptr);
  const Tensor stored = data_of(draft, "layer.weight");
  const Tensor expected = dequantized(*given.weights.quantized("layer0.weight"));
  EXPECT_EQ(stored.values<float>()[1 * 2 + 0], expected.values<float>()[1]);
}

TEST(MatrixOperands, AreFloatsWhereInputsWereRotated) {
  const Draft draft = exported(coded_layer({.scheme = Scheme::w8a8_dynamic, .hadamard = 4}));
  EXPECT_EQ(find(draft, "DequantizeLinear"), nullptr);
}

TEST(Quantized, IsOneForAllLayersThatReadTheSameWithTheSameStep) {
  const graph::LayerQuantization layer{.scheme = Scheme::w8a8, .input_scale = {0.5f}};
  CaseBuilder b("two_layers");
  const graph::ValueId x = b.input({2, 3, 4});
  const graph::ValueId first = b.op(OpKind::linear, graph::LinearAttrs{}, {x, b.weight({2, 4})});
  const graph::ValueId second = b.op(OpKind::linear, graph::LinearAttrs{}, {x, b.weight({2, 4})});
  ExportCase given = b.finish(b.op(OpKind::add, graph::NoAttrs{}, {first, second}));
  given.is_quantized = true;
  given.quantization.layers = {{"w1", layer}, {"w2", layer}};
  int count = 0;
  const Draft draft = exported(given);
  for (const auto& node : draft.model().graph().node()) count += node.op_type() == "QuantizeLinear";
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace edgefusion::onnx
