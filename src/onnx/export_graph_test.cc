#include "onnx/export_graph.h"

#include <gtest/gtest.h>

#include <set>

#include "onnx/op_exporters.h"
#include "onnx/testing/all_cases.h"

namespace edgefusion::onnx {
namespace {

using graph::OpKind;

// What the exporter may use: all of opset 17, none of them of a vendor.
const std::set<std::string> kOperators = {"Add",
                                          "And",
                                          "ArgMax",
                                          "Cast",
                                          "Concat",
                                          "Conv",
                                          "Cos",
                                          "Div",
                                          "Equal",
                                          "Erf",
                                          "Gather",
                                          "GatherND",
                                          "Gemm",
                                          "Greater",
                                          "GreaterOrEqual",
                                          "Identity",
                                          "InstanceNormalization",
                                          "LayerNormalization",
                                          "Less",
                                          "MatMul",
                                          "Mul",
                                          "Not",
                                          "QuantizeLinear",
                                          "DequantizeLinear",
                                          "Relu",
                                          "Reshape",
                                          "Resize",
                                          "Sigmoid",
                                          "Sin",
                                          "Slice",
                                          "Softmax",
                                          "Tanh",
                                          "Transpose",
                                          "Where"};

Draft exported(const ExportCase& given, DType type = DType::f32) {
  ExportOptions options = given.options();
  options.type = type;
  auto draft = export_graph(given.graph, given.weights, options);
  EXPECT_TRUE(draft.has_value()) << given.name;
  return std::move(*draft);
}

std::multiset<std::string> operators_of(const Draft& draft) {
  std::multiset<std::string> kinds;
  for (const auto& node : draft.model().graph().node()) kinds.insert(node.op_type());
  return kinds;
}

TEST(OpExporters, HaveOneRowPerOpInItsPlace) {
  ASSERT_EQ(op_exporters().size(), graph::op_table().size());
  for (size_t i = 0; i < op_exporters().size(); ++i) {
    const OpExporter& row = op_exporters()[i];
    EXPECT_EQ(row.kind, graph::op_table()[i].kind);
    EXPECT_EQ(row.emit != nullptr, is_computed(row.kind)) << graph::op_table()[i].name;
  }
}

TEST(ExportCases, HaveEveryOp) {
  std::set<OpKind> seen;
  for (const ExportCase& given : all_cases()) {
    for (const graph::Node& node : given.graph.nodes()) seen.insert(node.op);
  }
  for (const graph::OpInfo& info : graph::op_table()) {
    EXPECT_TRUE(seen.contains(info.kind)) << info.name;
  }
}

TEST(ExportGraph, ReadsOnlyWhatIsThereAndNamesNothingTwice) {
  for (const ExportCase& given : all_cases()) {
    const Draft draft = exported(given);
    std::set<std::string> known = {""};  // an absent operand
    const auto add = [&](const std::string& name) {
      EXPECT_TRUE(known.insert(name).second) << given.name << ": " << name;
    };
    for (const auto& input : draft.model().graph().input()) add(input.name());
    for (const Initializer& initializer : draft.initializers()) add(initializer.name);
    for (const auto& node : draft.model().graph().node()) {
      EXPECT_TRUE(kOperators.contains(node.op_type())) << node.op_type();
      for (const std::string& input : node.input()) {
        EXPECT_TRUE(known.contains(input)) << given.name << ": " << input;
      }
      add(node.output(0));
    }
    for (const auto& output : draft.model().graph().output()) {
      EXPECT_TRUE(known.contains(output.name())) << given.name;
    }
  }
}

TEST(ExportGraph, NeedsNoTranspositionBetweenLayersOfPictures) {
  CaseBuilder b("pictures");
  graph::ValueId x = b.input({1, 4, 4, 6});
  x = b.op(OpKind::conv2d, graph::Conv2dAttrs{1, 1, 1, 1, 1}, {x, b.weight({6, 6, 3, 3})});
  x = b.op(OpKind::group_norm, graph::GroupNormAttrs{3}, {x, b.weight({6}), b.weight({6})});
  x = b.op(OpKind::linear, graph::LinearAttrs{}, {x, b.weight({6, 6})});
  x = b.op(OpKind::slice, graph::SliceAttrs{3, 1, 4}, {x});
  const Draft draft = exported(b.finish(x));
  EXPECT_EQ(operators_of(draft).count("Transpose"), 0u);
  const auto& shape = draft.model().graph().output(0).type().tensor_type().shape();
  EXPECT_EQ(shape.dim(1).dim_value(), 3);  // channels before rows
}

TEST(ExportGraph, KeepsTheNamesOfValuesAndOfWeights) {
  graph::GraphBuilder g("net", nullptr);
  const graph::ValueId x = g.input("latent", {1, 4, 4, 3});
  g.output("image", g.silu(g.conv2d(x, graph::WeightScope("conv_in"), 5)));
  const graph::Graph graph = *g.finish();
  CodedWeights weights;
  const auto draft =
      export_graph(graph, weights,
                   {.names = {{"latent", "latent_sample"}, {"image", "sample"}, {"conv_in", "x"}}});
  ASSERT_TRUE(draft.has_value());
  const auto& made = draft->model().graph();
  EXPECT_EQ(made.input(0).name(), "latent_sample");
  EXPECT_EQ(made.output(0).name(), "sample");
  EXPECT_EQ(made.node(0).output(0), "conv_in");  // an inner value, called as it is
  EXPECT_EQ(made.node(0).input(1), "conv_in.weight");
  EXPECT_EQ(made.node(0).input(2), "conv_in.bias");
}

TEST(ExportGraph, RepeatsASharedInputForAllItems) {
  CaseBuilder b("shared");
  const graph::ValueId x = b.input({3, 2});
  const ExportCase given =
      b.finish(b.op(OpKind::activation, graph::ActivationAttrs{Activation::silu}, {x}));
  const auto draft = export_graph(given.graph, given.weights, {.shared_inputs = {"in0"}});
  ASSERT_TRUE(draft.has_value());
  const auto& made = draft->model().graph();
  EXPECT_EQ(made.input(0).type().tensor_type().shape().dim(0).dim_value(), 1);
  EXPECT_EQ(made.node(0).op_type(), "Expand");
  EXPECT_EQ(made.output(0).type().tensor_type().shape().dim(0).dim_value(), 3);
}

TEST(ExportGraph, RefusesTwoValuesOfOneName) {
  graph::GraphBuilder g("net", nullptr);
  const graph::ValueId x = g.input("x", {1, 3});
  g.output("y", g.silu(x));
  g.output("z", g.activation(x, Activation::relu));
  const graph::Graph graph = *g.finish();
  const auto draft = export_graph(graph, CodedWeights(), {.names = {{"y", "z"}}});
  ASSERT_FALSE(draft.has_value());
  EXPECT_EQ(draft.error().message(), "net: two values would be called z");
}

TEST(ExportGraph, HasInputsAndOutputsInF32AndHalvesBetweenThem) {
  CaseBuilder b("halves");
  const graph::ValueId y =
      b.op(OpKind::linear, graph::LinearAttrs{}, {b.input({2, 3, 4}), b.weight({5, 4})});
  const Draft draft = exported(b.finish(y), DType::f16);
  const auto& made = draft.model().graph();
  EXPECT_EQ(made.input(0).type().tensor_type().elem_type(), onnx_proto::TensorProto::FLOAT);
  EXPECT_EQ(made.output(0).type().tensor_type().elem_type(), onnx_proto::TensorProto::FLOAT);
  EXPECT_EQ(made.output(0).name(), "y1");
  EXPECT_EQ(draft.initializers().front().dtype, DType::f16);
}

TEST(ExportGraph, RefusesWeightsThatHalvesCannotHold) {
  CaseBuilder b("large");
  const graph::ValueId weight = b.weight("w.weight", {1, 2});
  b.result().weights.set("w.weight", Tensor::from_f32({1, 2}, std::vector<float>{1, 70000}));
  const ExportCase given =
      b.finish(b.op(OpKind::linear, graph::LinearAttrs{}, {b.input({1, 2}), weight}));
  const Draft draft = exported(given, DType::f16);
  const auto data = draft.initializers().front().make();
  ASSERT_FALSE(data.has_value());
  EXPECT_NE(data.error().message().find("70000"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::onnx
