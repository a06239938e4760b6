// Networks whose weights are codes of few bits that kernels expand on the way.

#include <gtest/gtest.h>

#include "engine/testing/coded_weights.h"
#include "engine/testing/run_program.h"
#include "engine/testing/small_network.h"
#include "engine/testing/uniform_quantization.h"
#include "kernels/matrix/expanded/quantized_weights.h"

namespace edgefusion::engine {
namespace {

using graph::NetworkQuantization;
using graph::Scheme;

struct Kind {
  WeightCode code;
  Scheme scheme;
  int bits;
};

constexpr Kind kKinds[] = {{WeightCode::s8, Scheme::w8a16, 8},
                           {WeightCode::s4, Scheme::w4a16, 4},
                           {WeightCode::palette4, Scheme::palette4, 4},
                           {WeightCode::palette5, Scheme::palette5, 5},
                           {WeightCode::palette6, Scheme::palette6, 6}};

/// Every layer in that scheme; attentions stay bf16.
NetworkQuantization all_layers(const Graph& graph, Scheme scheme) {
  NetworkQuantization result;
  for (const graph::Node& node : graph.nodes()) {
    const std::string name = graph::layer_name(graph, node);
    if (!name.empty()) result.layers[name] = {.scheme = scheme};
  }
  return result;
}

Tensor run_with(const Graph& graph, const TensorSource& weights, const CompileOptions& options,
                int threads = 1) {
  return compile_and_run(graph, weights, small_inputs(graph), make_runtime(threads), options)[0];
}

TEST(FewBitProgram, CodesGiveWhatTheirWeightsGiveInBf16) {
  const Graph graph = small_network(2, 10, 12);
  for (const Kind& kind : kKinds) {
    SCOPED_TRACE(graph::to_string(kind.scheme));
    const CodedWeights weights(graph, kind.code);
    const NetworkQuantization quantization = all_layers(graph, kind.scheme);
    const Tensor exact = run_with(graph, weights, {});
    const Tensor bf16 = run_with(graph, weights, {.precision = Precision::bf16});
    const CompileOptions options = {.precision = Precision::int8, .quantization = &quantization};
    const Tensor found = run_with(graph, weights, options);
    ASSERT_GT(max_abs(exact.values<float>()), 0.0f);
    EXPECT_GT(sqnr_db(exact, found), 30);
    EXPECT_GT(sqnr_db(exact, found), sqnr_db(exact, bf16) - 3);
    expect_same_bits(found, run_with(graph, weights, options, 2));
    expect_same_bits(found, run_with(graph, weights, options, 3));
  }
}

TEST(FewBitProgram, CodesStayCodesInMemory) {
  GraphBuilder g("wide", nullptr);
  g.output("y", g.linear(g.input("x", {1, 64, 512}), WeightScope() / "wide", 512, false));
  const Graph graph = *g.finish();
  const Runtime runtime = make_runtime(1);
  for (const Kind& kind : kKinds) {
    SCOPED_TRACE(graph::to_string(kind.scheme));
    const CodedWeights weights(graph, kind.code);
    const NetworkQuantization quantization = all_layers(graph, kind.scheme);
    const CompileOptions options = {.precision = Precision::int8, .quantization = &quantization};
    const int64_t bytes = compile_or_die(graph, weights, runtime, options).memory().weight_bytes;
    const int64_t codes = 512 * 512 * kind.bits / 8;
    EXPECT_GE(bytes, codes);
    EXPECT_LE(bytes, codes + codes / 3) << "scales or palettes take a small part";
  }
}

TEST(FewBitProgram, CodesOfAnotherKindThanTheSchemeRunInBf16) {
  const Graph graph = small_network(1, 6, 6);
  const CodedWeights weights(graph, WeightCode::palette5);
  const NetworkQuantization quantization = all_layers(graph, Scheme::w4a16);
  const CompileOptions options = {.precision = Precision::int8, .quantization = &quantization};
  expect_same_bits(run_with(graph, weights, options),
                   run_with(graph, weights, {.precision = Precision::bf16}));
}

/// Two places say what a code is worth: the one for files, the one for kernels.
TEST(FewBitProgram, FilesAndKernelsReadTheSameValues) {
  GraphBuilder g("layers", nullptr);
  const ValueId x = g.input("x", {1, 5, 5, 20});
  const ValueId h = g.conv2d(x, WeightScope() / "conv", 36);
  g.output("y", g.linear(g.reshape(h, {1, 25, 36}), WeightScope() / "linear", 18, false));
  const Graph graph = *g.finish();
  for (const Kind& kind : kKinds) {
    const CodedWeights weights(graph, kind.code);
    for (const char* name : {"conv.weight", "linear.weight"}) {
      SCOPED_TRACE(std::string(name) + " " + std::string(to_string(kind.code)));
      const QuantizedTensor& t = *weights.quantized(name);
      kernels::QuantizedWeights view = {.codes = t.codes,
                                        .scales = t.scales != nullptr ? t.scales : t.palettes,
                                        .outputs = t.outputs(),
                                        .inputs = t.inputs(),
                                        .taps = t.taps()};
      view.format.bits = kind.bits;
      if (kind.code == WeightCode::s4) view.format.code = kernels::WeightCode::s4;
      if (kind.code > WeightCode::s4) view.format.code = kernels::WeightCode::palette;
      ASSERT_EQ(view.code_bytes(), static_cast<int64_t>(t.code_bytes));
      const Tensor floats = dequantized(t);
      size_t k = 0;
      for (int64_t o = 0; o < t.outputs(); ++o) {
        for (int64_t i = 0; i < t.inputs(); ++i) {
          for (int64_t tap = 0; tap < t.taps(); ++tap, ++k) {
            ASSERT_EQ(floats.values<float>()[k], kernels::stored_value(view, o, i, tap)) << k;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace edgefusion::engine
