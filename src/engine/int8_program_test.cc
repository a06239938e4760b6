// Whole networks with layers and attentions of 8 bits, and with weights of few bits, against f32.

#include <gtest/gtest.h>

#include "engine/random_weights.h"
#include "engine/testing/run_program.h"
#include "engine/testing/small_network.h"
#include "engine/testing/uniform_quantization.h"

namespace edgefusion::engine {
namespace {

using graph::NetworkQuantization;
using graph::Scheme;

struct Network {
  Graph graph = small_network(2, 10, 12);
  RandomWeights weights{graph};
  std::map<std::string, Tensor> inputs = small_inputs(graph);
  Tensor exact = compile_and_run(graph, weights, inputs, make_runtime(1))[0];
  Magnitudes seen = magnitudes(graph, weights, inputs);

  Tensor run(const NetworkQuantization& quantization, int threads = 1) const {
    const CompileOptions options = {.precision = Precision::int8, .quantization = &quantization};
    return compile_and_run(graph, weights, inputs, make_runtime(threads), options)[0];
  }
};

TEST(Int8Program, EverySchemeComesNearToF32) {
  const Network network;
  const std::pair<Scheme, double> least[] = {
      {Scheme::w8a16, 25},         {Scheme::w8a8, 12}, {Scheme::w8a8_dynamic, 20},
      {Scheme::w8a8_winograd, 15}, {Scheme::f32, 25},  {Scheme::bf16, 25}};
  for (const auto& [scheme, decibels] : least) {
    const Tensor found = network.run(uniform(network.graph, scheme, network.seen));
    EXPECT_GT(sqnr_db(network.exact, found), decibels) << graph::to_string(scheme);
  }
}

TEST(Int8Program, ThreadsDoNotChangeABit) {
  const Network network;
  for (const Scheme scheme :
       {Scheme::w8a8, Scheme::w8a8_dynamic, Scheme::w8a8_winograd, Scheme::w8a16}) {
    const NetworkQuantization quantization = uniform(network.graph, scheme, network.seen);
    const Tensor once = network.run(quantization, 1);
    expect_same_bits(once, network.run(quantization, 2));
    expect_same_bits(once, network.run(quantization, 3));
  }
}

TEST(Int8Program, NormsAndLayersWriteU8AtOnceWhereTheNextLayerReadsIt) {
  const Network network;
  const NetworkQuantization quantization = uniform(network.graph, Scheme::w8a8, network.seen);
  const std::string text =
      prepared(network.graph, {.precision = Precision::int8, .quantization = &quantization}).dump();
  // The first norm and its activation have become one node that writes what conv1 reads.
  EXPECT_NE(text.find("group_norm"), std::string::npos);
  const size_t norm = text.find("= group_norm");
  EXPECT_NE(text.substr(norm, text.find('\n', norm) - norm).find("u8["), std::string::npos) << text;
  const size_t layer_norm = text.find("= layer_norm");
  EXPECT_NE(text.substr(layer_norm, text.find('\n', layer_norm) - layer_norm).find("u8["),
            std::string::npos);
  // The gate writes what the second half of the feed-forward reads.
  const size_t gate = text.find("geglu");
  EXPECT_NE(text.substr(gate, text.find('\n', gate) - gate).find("u8["), std::string::npos) << text;
}

TEST(Int8Program, InputsInF32AreRoundedOnce) {
  const Network network;
  NetworkQuantization quantization;
  quantization.layers["conv_in"] = layer_in(Scheme::w8a8, network.seen.at("x"));
  const Graph graph =
      prepared(network.graph, {.precision = Precision::int8, .quantization = &quantization});
  const auto found = std::ranges::find_if(graph.nodes(), [&](const graph::Node& node) {
    return graph::layer_name(graph, node) == "conv_in";
  });
  ASSERT_NE(found, graph.nodes().end());
  const graph::Node& convert = graph.producer(found->inputs[0]);
  EXPECT_EQ(graph.value(convert.output).dtype, DType::u8);
  EXPECT_EQ(convert.inputs[0], graph.find("x"));
  // Linear layers and 1x1 convolutions round on the way, and take bf16.
  quantization.layers = {{"k2", layer_in(Scheme::w8a8, network.seen.at("text"))}};
  EXPECT_GT(sqnr_db(network.exact, network.run(quantization)), 25);
}

TEST(Int8Program, WinogradReadsU8WhereItsInputHasAScale) {
  const Network network;
  NetworkQuantization bf16, u8;
  graph::LayerQuantization layer = layer_in(Scheme::w8a8_winograd, 1);
  bf16.layers["conv2"] = layer;
  // The same positions in steps of the input's scale.
  constexpr float kScale = 1.0f / 64;
  layer.input_scale = {kScale};
  layer.zero_point = 100;
  for (float& scale : layer.position_scale) scale /= kScale;
  u8.layers["conv2"] = layer;
  const auto input_type = [&](const NetworkQuantization& quantization) {
    const Graph graph =
        prepared(network.graph, {.precision = Precision::int8, .quantization = &quantization});
    for (const graph::Node& node : graph.nodes()) {
      if (graph::layer_name(graph, node) == "conv2") return graph.value(node.inputs[0]).dtype;
    }
    return DType::f32;
  };
  EXPECT_EQ(input_type(bf16), DType::bf16);
  EXPECT_EQ(input_type(u8), DType::u8);
  EXPECT_GT(sqnr_db(network.run(bf16), network.run(u8)), 20);
  EXPECT_GT(sqnr_db(network.exact, network.run(u8)),
            sqnr_db(network.exact, network.run(bf16)) - 2);
}

TEST(Int8Program, AUnquantisedNetworkIsThatOfBf16) {
  const Network network;
  const NetworkQuantization nothing;
  const CompileOptions bf16 = {.precision = Precision::bf16};
  expect_same_bits(network.run(nothing), compile_and_run(network.graph, network.weights,
                                                         network.inputs, make_runtime(1), bf16)[0]);
}

TEST(Int8Program, ObserversSeeEachValueOnceAsItIs) {
  const Network network;
  std::map<std::string, Tensor> seen;
  CompileOptions watching;
  watching.observe = [&](std::string_view name, const ConstTensorView& value) {
    EXPECT_EQ(value.dtype, DType::f32) << name;
    EXPECT_TRUE(seen.emplace(name, Tensor::copy_of(value)).second) << name;
  };
  const Runtime runtime = make_runtime(2);
  const Tensor result =
      compile_and_run(network.graph, network.weights, network.inputs, runtime, watching)[0];
  expect_same_bits(result, network.exact);
  expect_same_bits(seen.at("y"), result);
  for (const auto& [name, input] : network.inputs) expect_same_bits(seen.at(name), input);
  // Inner values are those that taps of the same names give out.
  CompileOptions tapped;
  for (const auto& entry : seen) {  // those that passes made have names that no tap knows
    const bool is_inner = !network.inputs.contains(entry.first) && entry.first != "y";
    if (is_inner && network.graph.find(entry.first) != graph::kNoValue) {
      tapped.taps.push_back(entry.first);
    }
  }
  ASSERT_GT(tapped.taps.size(), 20u);
  const auto found =
      compile_and_run(network.graph, network.weights, network.inputs, runtime, tapped);
  for (size_t i = 0; i < tapped.taps.size(); ++i) {
    SCOPED_TRACE(tapped.taps[i]);
    const Tensor& value = seen.at(tapped.taps[i]);
    ASSERT_EQ(found[i + 1].elements(), value.elements());
    EXPECT_EQ(0, max_abs_difference(found[i + 1].values<float>(), value.values<float>()));
  }
}

TEST(Int8Program, ScalesOfChannelsAreTakenOutAgain) {
  const Network network;
  NetworkQuantization plain = uniform(network.graph, Scheme::bf16, network.seen);
  plain.attentions.clear();
  NetworkQuantization scaled = plain;
  // conv2 reads 40 channels; one scale or the same one for each of them gives the same bits.
  plain.layers["conv2"] = {.scheme = Scheme::w8a8, .input_scale = {0.03f}, .zero_point = 20};
  scaled.layers["conv2"] = {
      .scheme = Scheme::w8a8, .input_scale = std::vector<float>(40, 0.03f), .zero_point = 20};
  expect_same_bits(network.run(plain), network.run(scaled));
  EXPECT_GT(sqnr_db(network.exact, network.run(plain)), 20);
}

}  // namespace
}  // namespace edgefusion::engine
