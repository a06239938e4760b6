// Quantised networks against themselves: threads, bands, instruction sets; random graphs and
// layers.

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <tuple>

#include "engine/random_weights.h"
#include "engine/testing/run_program.h"
#include "engine/testing/small_network.h"
#include "engine/testing/uniform_quantization.h"
#include "graph/testing/random_graph.h"

namespace edgefusion::engine {
namespace {

using graph::LayerQuantization;
using graph::NetworkQuantization;
using graph::RandomGraph;
using graph::RandomGraphSizes;
using graph::Scheme;

// Channels in fours, which 8 bits take; pictures that fill no tile.
constexpr std::array<RandomGraphSizes, 4> kSizes = {
    {{1, 5, 7, 32}, {2, 4, 4, 24}, {1, 9, 3, 16}, {3, 2, 6, 40}}};
constexpr uint32_t kSeeds = 12;

/// One runtime for each cap that makes a difference here, weakest first.
std::vector<Runtime> runtimes_of_all_isas() {
  std::vector<Runtime> runtimes;
  for (const std::string& cap : isa_names()) {
    Runtime runtime = make_runtime(1, cap);
    if (runtimes.empty() || !(runtime.isa == runtimes.back().isa)) {
      runtimes.push_back(std::move(runtime));
    }
  }
  return runtimes;
}

/// Layers in any scheme, with any zero point, some rotated.
NetworkQuantization random_quantization(const RandomGraph& random, uint32_t seed) {
  constexpr Scheme kSchemes[] = {Scheme::w8a8, Scheme::w8a8,  Scheme::w8a8_dynamic,
                                 Scheme::f32,  Scheme::w8a16, Scheme::w8a8_winograd};
  std::mt19937 numbers(seed);
  const Magnitudes seen = magnitudes(random.graph(), random.weights(), random.inputs());
  return quantized_by(random.graph(), seen, [&](const std::string&, float largest) {
    LayerQuantization layer = layer_in(kSchemes[numbers() % std::size(kSchemes)], largest);
    if (layer.scheme == Scheme::w8a8) layer.zero_point = static_cast<int>(numbers() % 256);
    if (layer.scheme == Scheme::w8a8_dynamic && numbers() % 2 == 0) layer.hadamard = 8;
    return layer;
  });
}

TEST(Int8Differential, AnyNumberOfThreadsAndAnyBandsGiveTheSameBits) {
  const std::vector<Runtime> one = runtimes_of_all_isas();
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const RandomGraph random(seed, kSizes[seed % kSizes.size()]);
    const NetworkQuantization quantization = random_quantization(random, seed);
    CompileOptions options = {.precision = Precision::int8, .quantization = &quantization};
    for (const Runtime& runtime : one) {
      SCOPED_TRACE(runtime.isa.to_string() + ", seed " + std::to_string(seed));
      options.bands = {.enabled = false};
      const auto expected =
          compile_and_run(random.graph(), random.weights(), random.inputs(), runtime, options);
      for (const int threads : {1, 2, 3}) {
        Runtime many = {std::make_unique<ThreadPool>(threads), runtime.isa, {}};
        options.bands = {.enabled = seed % 3 != 0, .lines = threads};
        const auto found =
            compile_and_run(random.graph(), random.weights(), random.inputs(), many, options);
        for (size_t i = 0; i < expected.size(); ++i) expect_same_bits(found[i], expected[i]);
      }
      if (HasFailure()) return;
    }
  }
}

/// The scales of a u8 value, as far as they tell formats apart.
using Format = std::pair<std::vector<float>, int>;

TEST(Int8Differential, NoValueIsConvertedTwiceToTheSame) {
  for (uint32_t seed = 0; seed < 4 * kSeeds; ++seed) {
    const RandomGraph random(seed, kSizes[seed % kSizes.size()]);
    const Magnitudes seen = magnitudes(random.graph(), random.weights(), random.inputs());
    const NetworkQuantization quantization = uniform(random.graph(), Scheme::w8a8, seen);
    const Graph made =
        prepared(random.graph(), {.precision = Precision::int8, .quantization = &quantization});
    std::set<std::tuple<ValueId, DType, Format>> known;
    for (const graph::Node& node : made.nodes()) {
      if (node.op != graph::OpKind::convert) continue;
      const graph::Value& value = made.value(node.output);
      const Format format =
          value.u8 == nullptr ? Format() : Format{value.u8->scale, value.u8->zero_point};
      EXPECT_TRUE(known.emplace(node.inputs[0], value.dtype, format).second)
          << "seed " << seed << ", " << value.name << "\n"
          << made.dump();
      if (HasFailure()) return;
    }
  }
}

/// Convolutions of every kind and linear layers with no float arithmetic in between that
/// instruction sets do differently.
Graph exact_network() {
  GraphBuilder g("exact", nullptr);
  const WeightScope w;
  const ValueId x = g.input("x", {2, 9, 11, 20});
  const ValueId image = g.input("image", {2, 24});
  ValueId h = g.activation(g.add(g.conv2d(x, w / "first", 24), image), Activation::relu);
  const ValueId skip = h;
  h = g.add(g.conv2d(h, w / "same", 24), skip);
  h = g.conv2d(h, w / "down", 36, {.stride = 2});
  const Shape low = g.shape(h);
  const ValueId rows = g.reshape(h, {2, low[1] * low[2], 36});
  const ValueId sum = g.add(g.linear(rows, w / "linear", 36), rows);
  h = g.conv2d(g.resize_nearest(g.reshape(sum, low), 2 * low[1], 2 * low[2]), w / "up", 24);
  h = g.concat({h, g.conv2d(h, w / "more", 12)});
  h = g.conv2d(h, w / "joined", 28, {.kernel = 1, .padding = 0});
  g.output("y", g.conv2d(h, w / "last", 5));
  return *g.finish();
}

TEST(Int8Differential, EveryInstructionSetGivesTheSameBits) {
  const Graph graph = exact_network();
  const RandomWeights weights(graph);
  const auto inputs = small_inputs(graph);
  const std::vector<Runtime> runtimes = runtimes_of_all_isas();
  const Magnitudes seen = magnitudes(graph, weights, inputs);
  const NetworkQuantization quantization =
      quantized_by(graph, seen, [](const std::string& name, float largest) {
        if (name == "same" || name == "last") return layer_in(Scheme::w8a8_winograd, largest);
        LayerQuantization layer =
            layer_in(name == "linear" ? Scheme::w8a8_dynamic : Scheme::w8a8, largest);
        if (name == "linear") layer.hadamard = 4;
        return layer;
      });
  const CompileOptions options = {.precision = Precision::int8, .quantization = &quantization};
  const Tensor exact = compile_and_run(graph, weights, inputs, runtimes[0])[0];
  const Tensor scalar = compile_and_run(graph, weights, inputs, runtimes[0], options)[0];
  EXPECT_GT(sqnr_db(exact, scalar), 25);
  for (const Runtime& runtime : runtimes) {
    SCOPED_TRACE(runtime.isa.to_string());
    expect_same_bits(compile_and_run(graph, weights, inputs, runtime, options)[0], scalar);
  }
}

}  // namespace
}  // namespace edgefusion::engine
