#include "graph/builder.h"

#include <gtest/gtest.h>

#include <limits>

#include "graph/testing/given_weights.h"

namespace edgefusion::graph {
namespace {

Tensor zeros(const Shape& shape, DType dtype = DType::f32) { return Tensor(shape, dtype); }

std::string failure(GraphBuilder& g, const std::vector<std::string>& ignored = {}) {
  const auto graph = g.finish(ignored);
  if (graph) return "no failure";
  EXPECT_EQ(graph.error().code(), ErrorCode::bad_file);
  return graph.error().message();
}

TEST(WeightScope, JoinsNamesAndNumbersWithDots) {
  const WeightScope root;
  EXPECT_EQ((root / "down_blocks" / 0 / "conv1").path(), "down_blocks.0.conv1");
  EXPECT_EQ((WeightScope("unet") / 3).path(), "unet.3");
}

TEST(GraphBuilder, TellsEverythingThatIsWrongWithTheWeightsAtOnce) {
  GivenWeights weights;
  weights.set("conv_in.weight", zeros({320, 9, 3, 3}));
  weights.set("conv_in.bias", zeros({320}, DType::i64));
  weights.set("norm.weight", zeros({320}, DType::bf16));
  weights.set("extra\n", zeros({1}));
  weights.set("first_stage.conv", zeros({1}));
  GraphBuilder g("unet", &weights);
  const WeightScope root;
  const ValueId x = g.input("sample", {1, 8, 8, 4});
  const ValueId h = g.conv2d(x, root / "conv_in", 320);
  g.output("y", g.group_norm(h, root / "norm", 32, 1e-5f));
  EXPECT_EQ(failure(g, {"first_stage."}),
            "net.safetensors: conv_in.weight: shape [320,9,3,3], expected [320,4,3,3]; "
            "conv_in.bias: dtype i64, expected f32, f16 or bf16; "
            "norm.bias: missing, expected shape [320]; "
            "extra\\x0a: not a tensor of this network");
}

TEST(GraphBuilder, TellsTwentyComplaintsAndCountsTheRest) {
  GivenWeights weights;
  GraphBuilder g("unet", &weights);
  ValueId x = g.input("x", {1, 4});
  for (int i = 0; i < 23; ++i) x = g.linear(x, WeightScope("layer") / i, 4, false);
  g.output("y", x);
  const std::string message = failure(g);
  EXPECT_NE(message.find("layer.19.weight: missing"), std::string::npos);
  EXPECT_EQ(message.find("layer.20.weight: missing"), std::string::npos);
  EXPECT_TRUE(message.ends_with("; and 3 more")) << message;
}

TEST(GraphBuilder, TakesShapesThatDifferByTrailingOnes) {
  GivenWeights weights;
  weights.set("q.weight", zeros({6, 4, 1, 1}, DType::f16));
  weights.set("k.weight", zeros({6, 4}));
  GraphBuilder g("vae", &weights);
  const ValueId x = g.input("x", {1, 2, 2, 4});
  g.output("q", g.linear(x, WeightScope("q"), 6, false));
  g.output("k", g.conv2d(x, WeightScope("k"), 6, {.kernel = 1, .padding = 0, .bias = false}));
  const auto graph = g.finish();
  ASSERT_TRUE(graph.has_value()) << graph.error().message();
  EXPECT_EQ(graph->value(graph->find("q.weight")).shape, (Shape{6, 4}));
  EXPECT_EQ(graph->value(graph->find("q.weight")).dtype, DType::f32);
  EXPECT_EQ(graph->value(graph->find("k.weight")).shape, (Shape{6, 4, 1, 1}));
}

TEST(GraphBuilder, GivesTheSameWeightForTheSamePath) {
  GraphBuilder g("net", nullptr);
  const WeightScope w("table");
  EXPECT_EQ(g.weight(w, {4, 2}), g.weight(w, {4, 2}));
  EXPECT_NE(g.weight(w, {4, 2}), g.weight(w / "other", {4, 2}));
  g.weight(w, {2, 4});
  EXPECT_EQ(failure(g), "net: table: asked for as [2,4] and as [4,2]");
}

TEST(GraphBuilder, KnowsWhatTheFileHoldsWithoutUsingItUp) {
  GivenWeights weights;
  weights.set("a.bias", zeros({7}));
  GraphBuilder g("net", &weights);
  const WeightScope a("a");
  EXPECT_TRUE(g.has_weight(a / "bias"));
  EXPECT_FALSE(g.has_weight(a / "weight"));
  ASSERT_NE(g.weight_shape(a / "bias"), nullptr);
  EXPECT_EQ(*g.weight_shape(a / "bias"), Shape{7});
  EXPECT_EQ(g.weight_shape(a / "weight"), nullptr);
  EXPECT_EQ(failure(g), "net.safetensors: a.bias: not a tensor of this network");
  EXPECT_FALSE(GraphBuilder("net", nullptr).has_weight(a / "bias"));
}

TEST(GraphBuilder, TellsAFailedShapeRuleOnceAndGoesOn) {
  GraphBuilder g("net", nullptr);
  const WeightScope root;
  const ValueId x = g.input("x", {1, 8, 8, 6});
  ValueId h = g.group_norm(x, root / "norm", 4, 1e-5f);    // 6 channels in 4 groups
  h = g.attention({h, h, h, kNoValue}, {5, 1.0f, false});  // only follows from the guess
  EXPECT_EQ(g.shape(h).rank(), 3);
  const ValueId broken = g.conv2d(x, root / "conv", 4, {.kernel = 20});
  EXPECT_EQ(g.shape(broken).rank(), 4);
  EXPECT_EQ(failure(g),
            "net: norm: group_norm: 4 groups do not divide the 6 channels of x [1,8,8,6]; "
            "conv: conv2d: kernel of 20 is larger than the padded extent of 10");
}

TEST(GraphBuilder, SurvivesSizesNoConfigShouldHold) {
  GraphBuilder g("net", nullptr);
  const WeightScope root;
  const ValueId x = g.input("x", {1, -8, 8, 4});
  const ValueId ids = g.input("ids", {1, 77}, DType::i32);
  const int64_t huge = std::numeric_limits<int64_t>::max();
  g.conv2d(x, root / "c1", huge, {.kernel = -3, .stride = 0, .padding = -1});
  g.conv2d(x, root / "c2", -1);
  g.linear(x, root / "l", 0);
  g.embedding(ids, root / "e", huge, huge);
  g.reshape(x, {-1, huge, huge});
  g.resize_nearest(x, huge, -1);
  g.timestep_embedding(g.input("t", {1}), {huge, true, 0.0f});
  g.slice(x, 9, -1, huge);
  g.slice(x, -9, 0, 1);
  g.geglu(g.input("odd", {3}));
  g.concat({x, ids});
  EXPECT_EQ(g.shape(g.select_token(ids, x, {})).rank(), 2);
  g.complain("size 7 is not a multiple of 8");
  const std::string message = failure(g);
  EXPECT_NE(message.find("x: shape [1,-8,8,4] has an extent below 1"), std::string::npos);
  EXPECT_NE(message.find("c2.weight: shape [-1,4,3,3] has an extent below 1"), std::string::npos)
      << message;
  EXPECT_NE(message.find("size 7 is not a multiple of 8"), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

TEST(GraphBuilder, NamesValuesAfterModulesAndKeepsNamesUnique) {
  GraphBuilder g("net", nullptr);
  const WeightScope block("block");
  const ValueId x = g.input("x", {1, 4});
  const ValueId h = g.linear(x, block / "fc", 4);
  const ValueId again = g.linear(x, block / "fc", 4);
  const ValueId sum = g.add(x, h);
  const ValueId sum2 = g.add(sum, sum);
  const auto name = [&](const Graph& graph, ValueId id) { return graph.value(id).name; };
  g.name(sum2, block);
  g.name(x, block / "renamed");
  g.output("y", g.mul(sum2, again));
  const Graph graph = *g.finish();
  EXPECT_EQ(name(graph, h), "block.fc");
  EXPECT_EQ(name(graph, again), "block.fc:2");
  EXPECT_EQ(name(graph, sum), "block.fc:add");
  EXPECT_EQ(name(graph, sum2), "block");
  EXPECT_EQ(name(graph, x), "x");
  EXPECT_EQ(graph.find("y"), graph.outputs()[0]);
}

TEST(GraphBuilder, CopiesAnOutputThatHasAnotherNameAlready) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4});
  g.output("copy", x);
  const ValueId y = g.affine(x, 2, 0);
  g.output("y", y);
  g.output("y_again", y);
  const Graph graph = *g.finish();
  EXPECT_EQ(graph.dump(),
            "graph net\n"
            "x = input () -> [1,4]\n"
            "copy = affine scale=1 shift=0 (x) -> [1,4]\n"
            "y = affine scale=2 shift=0 (x) -> [1,4]\n"
            "y_again = affine scale=1 shift=0 (y) -> [1,4]\n"
            "outputs copy, y, y_again\n");
}

TEST(GraphBuilder, PadsBottomAndRightOnlyWhenAsked) {
  GraphBuilder g("vae", nullptr);
  const ValueId x = g.input("x", {1, 8, 8, 4});
  const ValueId y = g.conv2d(x, WeightScope("down"), 4,
                             {.stride = 2, .padding = 0, .pad_bottom_right_only = true});
  EXPECT_EQ(g.shape(y), (Shape{1, 4, 4, 4}));
  g.output("y", y);
  const Graph graph = *g.finish();
  EXPECT_NE(graph.dump().find("stride=2 pad=0,0,1,1"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::graph
