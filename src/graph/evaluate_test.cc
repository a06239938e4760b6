#include "graph/evaluate.h"

#include <gtest/gtest.h>

#include "core/quantized_tensor.h"
#include "graph/builder.h"
#include "graph/testing/given_weights.h"

namespace edgefusion::graph {
namespace {

std::vector<float> values_of(const Tensor& tensor) {
  const auto values = tensor.values<float>();
  return {values.begin(), values.end()};
}

TEST(Evaluate, RunsANetworkOnGivenWeights) {
  GivenWeights weights;
  weights.set("fc.weight", Tensor::from_f32({2, 3}, {{1, 2, 3, 0, 0, 1}}));
  weights.set("fc.bias", Tensor::from_f32({2}, {{10, 20}}));
  GraphBuilder g("net", &weights);
  const ValueId x = g.input("x", {2, 3});
  const ValueId h = g.linear(x, WeightScope("fc"), 2);
  g.output("twice", g.affine(h, 2, 0));
  g.output("once", h);
  g.output("shifted", g.add(h, g.constant("shift", Tensor::from_f32({2}, {{-10, -20}}))));
  const Graph graph = *g.finish();
  const auto outputs =
      evaluate(graph, &weights, {{"x", Tensor::from_f32({2, 3}, {{1, 1, 1, 0, 0, 2}})}});
  ASSERT_EQ(outputs.size(), 3u);
  EXPECT_EQ(values_of(outputs.at("once")), (std::vector<float>{16, 21, 16, 22}));
  EXPECT_EQ(values_of(outputs.at("twice")), (std::vector<float>{32, 42, 32, 44}));
  EXPECT_EQ(values_of(outputs.at("shifted")), (std::vector<float>{6, 1, 6, 2}));
}

TEST(Evaluate, PassesIdsThroughOpsOfAnyType) {
  GraphBuilder g("net", nullptr);
  const ValueId ids = g.input("ids", {1, 4}, DType::i32);
  g.output("first", g.slice(ids, 1, 0, 2));
  const Graph graph = *g.finish();
  Tensor given({1, 4}, DType::i32);
  for (int i = 0; i < 4; ++i) given.values<int32_t>()[static_cast<size_t>(i)] = 7 + i;
  const auto outputs = evaluate(graph, nullptr, {{"ids", given}});
  EXPECT_EQ(outputs.at("first").values<int32_t>()[1], 8);
}

TEST(LoadWeight, StacksTensorsOfAnyFloatTypeAlongTheFirstAxis) {
  GivenWeights weights;
  Tensor half({1, 2}, DType::bf16);
  half.values<uint16_t>()[0] = f32_to_bf16(0.5f);
  half.values<uint16_t>()[1] = f32_to_bf16(-2.0f);
  weights.set("q", half);
  weights.set("k", Tensor::from_f32({2, 2, 1, 1}, {{1, 2, 3, 4}}));
  Node node;
  node.op = OpKind::weight;
  node.attrs = WeightAttrs{{"q", "k"}};
  EXPECT_EQ(values_of(load_weight(node, Shape{3, 2}, weights)),
            (std::vector<float>{0.5f, -2, 1, 2, 3, 4}));
}

/// Two outputs of three inputs in 8 bits.
class Codes : public GivenWeights {
 public:
  Codes() {
    set("fc.weight", Tensor({2, 3}, DType::f32));
    codes_ = {.shape = {2, 3},
              .codes = reinterpret_cast<const std::byte*>(values_),
              .code_bytes = sizeof(values_),
              .scales = scales_};
  }
  const QuantizedTensor* quantized(std::string_view) const override { return &codes_; }

 private:
  const int8_t values_[6] = {1, -2, 3, 0, 127, -127};
  const float scales_[2] = {0.5f, 2};
  QuantizedTensor codes_;
};

TEST(LoadWeight, ReadsCodesAsTheFloatsTheyStandFor) {
  const Codes weights;
  Node node;
  node.op = OpKind::weight;
  node.attrs = WeightAttrs{{"fc.weight"}};
  EXPECT_EQ(values_of(load_weight(node, Shape{2, 3}, weights)),
            (std::vector<float>{0.5f, -1, 1.5f, 0, 254, -254}));
}

}  // namespace
}  // namespace edgefusion::graph
