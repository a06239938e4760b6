#include "engine/bands.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/assign_storage.h"
#include "engine/memory_plan.h"
#include "engine/random_weights.h"
#include "engine/testing/run_program.h"
#include "engine/testing/uniform_quantization.h"
#include "graph/builder.h"
#include "graph/passes/passes.h"

namespace edgefusion::engine {
namespace {

using graph::Graph;
using graph::GraphBuilder;
using graph::NetworkQuantization;
using graph::Scheme;
using graph::ValueId;
using graph::WeightScope;

constexpr int64_t kChannels = 24;

struct PictureSize {
  int64_t batch, height, width;
};

ValueId tiny_block(GraphBuilder& g, const WeightScope& w, ValueId x) {
  ValueId h = x;
  for (int i = 0; i < 2; ++i) h = g.activation(g.conv2d(h, w / i, kChannels), Activation::relu);
  return g.activation(g.add(g.conv2d(h, w / 2, kChannels), x), Activation::relu);
}

/// What a TAESD decoder is made of: a clamp, residual blocks, upsampling, a few channels at last.
Graph convolution_chain(const PictureSize& size) {
  GraphBuilder g("decoder", nullptr);
  const WeightScope w;
  ValueId x = g.input("x", {size.batch, size.height, size.width, 4});
  x = g.affine(g.activation(g.affine(x, 0.3f, 0.0f), Activation::tanh), 3.0f, 0.0f);
  x = g.activation(g.conv2d(x, w / "in", kChannels), Activation::relu);
  for (int stage = 0; stage < 2; ++stage) {
    x = tiny_block(g, w / "block" / stage, x);
    const Shape& low = g.shape(x);
    x = g.conv2d(g.resize_nearest(x, 2 * low[1], 2 * low[2]), w / "up" / stage, kChannels);
  }
  x = g.conv2d(tiny_block(g, w / "last", x), w / "out", 3);
  g.output("y", g.affine(x, 2.0f, -1.0f));
  return *g.finish();
}

/// Residual blocks with group norms, a wider input with its shortcut, a downsampler, a value that
/// is an output in the middle.
Graph norm_chain(const PictureSize& size) {
  GraphBuilder g("vae", nullptr);
  const WeightScope w;
  ValueId x = g.conv2d(g.input("x", {size.batch, size.height, size.width, 4}), w / "in", 48);
  for (int block = 0; block < 2; ++block) {
    const WeightScope b = w / block;
    ValueId h = g.silu(g.group_norm(x, b / "norm1", 8, 1e-5f));
    h = g.conv2d(h, b / "conv1", kChannels);
    h = g.silu(g.group_norm(h, b / "norm2", 8, 1e-5f));
    h = g.conv2d(h, b / "conv2", kChannels);
    if (block == 0) x = g.conv2d(x, b / "short", kChannels, {.kernel = 1, .padding = 0});
    x = g.add(h, x);
    if (block == 0) g.output("middle", x);
  }
  const Shape& low = g.shape(x);
  x = g.conv2d(g.resize_nearest(x, 2 * low[1], 2 * low[2]), w / "up", kChannels);
  x = g.conv2d(x, w / "down", kChannels, {.stride = 2});
  x = g.silu(g.group_norm(x, w / "norm", 8, 1e-5f));
  g.output("y", g.conv2d(x, w / "out", 3));
  return *g.finish();
}

Graph optimized(Graph graph) {
  graph::optimize(graph);
  return graph;
}

std::map<std::string, Tensor> noise(const Graph& graph) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform(-2.0f, 2.0f);
  std::map<std::string, Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    Tensor tensor(graph.value(id).shape, DType::f32);
    for (float& x : tensor.values<float>()) x = uniform(random);
    inputs.emplace(graph.value(id).name, std::move(tensor));
  }
  return inputs;
}

CompileOptions in_bands(Precision precision, int64_t lines) {
  return {.precision = precision, .bands = {.enabled = lines > 0, .lines = lines}};
}

void expect_bands_change_no_bit(const Graph& graph, CompileOptions options) {
  const RandomWeights weights(graph);
  const auto inputs = noise(graph);
  options.bands.enabled = false;
  const auto whole = compile_and_run(graph, weights, inputs, make_runtime(1), options);
  ASSERT_GT(max_abs(whole.back().values<float>()), 0.0f);
  for (const int threads : {1, 2}) {
    const Runtime runtime = make_runtime(threads);
    for (const int64_t lines : {1, 3, 100}) {
      SCOPED_TRACE(std::string(to_string(options.precision)) + ", " + std::to_string(threads) +
                   " threads, " + std::to_string(lines) + " lines");
      options.bands = {.enabled = true, .lines = lines};
      Program program = compile_or_die(graph, weights, runtime, options);
      run(program, inputs, *runtime.pool);  // what it leaves in the windows must not matter
      const auto banded = run(program, inputs, *runtime.pool);
      for (size_t i = 0; i < whole.size(); ++i) expect_same_bits(banded[i], whole[i]);
    }
  }
}

void expect_bands_change_no_bit(const Graph& graph) {
  for (const Precision precision : {Precision::f32, Precision::bf16}) {
    expect_bands_change_no_bit(graph, {.precision = precision});
  }
}

void expect_bands_of_8_bits_change_no_bit(const Graph& graph) {
  const Magnitudes seen = magnitudes(graph, RandomWeights(graph), noise(graph));
  for (const Scheme scheme : {Scheme::w8a8, Scheme::w8a8_winograd, Scheme::w8a16}) {
    SCOPED_TRACE(to_string(scheme));
    const NetworkQuantization quantization = uniform(graph, scheme, seen);
    expect_bands_change_no_bit(graph,
                               {.precision = Precision::int8, .quantization = &quantization});
  }
}

TEST(Bands, OfConvolutionsGiveTheBitsOfWholePictures) {
  for (const PictureSize& size : {PictureSize{1, 9, 7}, {2, 5, 6}, {1, 1, 1}}) {
    SCOPED_TRACE(std::to_string(size.height) + "x" + std::to_string(size.width));
    expect_bands_change_no_bit(convolution_chain(size));
  }
}

TEST(Bands, WithGroupNormsGiveTheBitsOfWholePictures) {
  for (const PictureSize& size : {PictureSize{1, 11, 9}, {2, 6, 5}}) {
    SCOPED_TRACE(std::to_string(size.height) + "x" + std::to_string(size.width));
    expect_bands_change_no_bit(norm_chain(size));
  }
}

TEST(Bands, OfQuantisedLayersGiveTheBitsOfWholePictures) {
  for (const PictureSize& size : {PictureSize{1, 9, 7}, {2, 6, 5}}) {
    SCOPED_TRACE(std::to_string(size.height) + "x" + std::to_string(size.width));
    expect_bands_of_8_bits_change_no_bit(convolution_chain(size));
    expect_bands_of_8_bits_change_no_bit(norm_chain(size));
  }
}

/// Plays a schedule with the lines that exist, and those a window still holds.
void expect_schedule_is_right(const Graph& graph, const BandGroup& group) {
  std::vector<Lines> held;
  for (const BandValue& value : group.values)
    held.push_back({0, value.made_here ? 0 : value.height});
  for (const Band& band : group.bands) {
    for (const BandMove& move : band.moves) {
      Lines& lines = held[static_cast<size_t>(move.value)];
      EXPECT_EQ(move.by, move.first_line - lines.begin);
      EXPECT_EQ(move.kept, lines.end - move.first_line);
      lines.begin = move.first_line;
    }
    for (const BandCall& call : band.calls) {
      const BandNode& node = group.nodes[static_cast<size_t>(call.node)];
      for (size_t slot = 0; slot < node.operands.size(); ++slot) {
        if (node.operands[slot] < 0) continue;
        const Lines& lines = held[static_cast<size_t>(node.operands[slot])];
        const Lines read = lines_read(graph, graph.node(node.node), slot, call.lines);
        EXPECT_LE(lines.begin, read.begin);
        EXPECT_GE(lines.end, read.end);
      }
      Lines& made = held[static_cast<size_t>(node.result)];
      const BandValue& value = group.values[static_cast<size_t>(node.result)];
      EXPECT_EQ(made.end, call.lines.begin) << "a line left out or made twice";
      EXPECT_EQ(call.lines.begin % node.lines_at_once, 0);
      made.end = call.lines.end;
      EXPECT_LE(made.count(), value.whole ? value.height : value.window_lines);
    }
  }
  for (size_t v = 0; v < held.size(); ++v) {
    if (!group.values[v].whole) continue;
    EXPECT_EQ(held[v].end, group.values[v].height);
  }
}

TEST(Bands, MakeEveryLineOnceAndFindWhatTheyReadInTheWindows) {
  for (const PictureSize& size : {PictureSize{1, 37, 8}, {1, 8, 64}}) {
    for (const Graph& graph : {optimized(convolution_chain(size)), optimized(norm_chain(size))}) {
      for (const int64_t lines : {1, 2, 5, 16}) {
        const auto groups = find_bands(graph, {.enabled = true, .lines = lines}, detect_isa());
        EXPECT_FALSE(groups.empty());
        for (const BandGroup& group : groups) expect_schedule_is_right(graph, group);
      }
    }
  }
}

TEST(Bands, BeginWhereTheKernelsBlocksOfLinesDo) {
  const Graph graph = assign_storage(optimized(convolution_chain({1, 64, 64})), Precision::bf16);
  const IsaSet isa = make_runtime(1).isa;
  const auto groups = find_bands(graph, {.enabled = true, .lines = 5}, isa);
  ASSERT_EQ(groups.size(), 1u);
  expect_schedule_is_right(graph, groups[0]);
  const auto several = std::ranges::count_if(
      groups[0].nodes, [](const BandNode& node) { return node.lines_at_once > 1; });
  EXPECT_GT(several, 0) << "no kernel here makes several lines at once";
}

TEST(Bands, MayOverwriteAPictureTheyAreDoneWith) {
  GraphBuilder g("vae", nullptr);
  const ValueId x = g.conv2d(g.input("x", {1, 64, 8, 4}), WeightScope("in"), kChannels);
  const ValueId h = g.silu(g.group_norm(x, WeightScope("norm"), 8, 1e-5f));
  g.output("y", g.conv2d(g.conv2d(h, WeightScope("a"), kChannels), WeightScope("b"), kChannels));
  const Graph graph = optimized(*g.finish());
  const auto groups = find_bands(graph, {.enabled = true, .lines = 4}, detect_isa());
  ASSERT_EQ(groups.size(), 1u);
  const MemoryPlan plan = plan_memory(graph, {}, groups);
  EXPECT_EQ(plan.buffer_of_value[static_cast<size_t>(graph.find("y"))],
            plan.buffer_of_value[static_cast<size_t>(graph.find("in"))]);
}

TEST(Bands, KeepAFewLinesOfEachPictureThatNobodyElseUses) {
  const Graph graph = optimized(convolution_chain({1, 256, 16}));
  const auto groups = find_bands(graph, {.enabled = true, .lines = 4}, detect_isa());
  ASSERT_EQ(groups.size(), 1u);
  int windows = 0;
  for (const BandValue& value : groups[0].values) {
    if (value.whole) continue;
    ++windows;
    EXPECT_LE(value.window_lines, 40);
  }
  EXPECT_GT(windows, 10);
}

TEST(Bands, AreLeftOutWherePicturesAreSmall) {
  EXPECT_TRUE(find_bands(optimized(convolution_chain({1, 8, 8})), {}, detect_isa()).empty());
}

TEST(Bands, CountAsWindowsInTheMemoryForecast) {
  const Graph graph = convolution_chain({1, 128, 32});
  const Runtime runtime = make_runtime(1);
  const auto bytes = [&](int64_t lines) {
    return forecast(graph, nullptr, in_bands(Precision::f32, lines), runtime)->arena_bytes;
  };
  EXPECT_LT(bytes(4), bytes(0) / 4);
  const RandomWeights weights(graph);
  const auto options = in_bands(Precision::f32, 4);
  EXPECT_EQ(compile_or_die(graph, weights, runtime, options).memory().arena_bytes, bytes(4));
}

}  // namespace
}  // namespace edgefusion::engine
