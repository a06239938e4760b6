// The engine against itself and against the reference, over random graphs: threads, bands,
// instruction sets, precisions.

#include <gtest/gtest.h>

#include <random>

#include "engine/testing/run_program.h"
#include "graph/evaluate.h"
#include "graph/passes/passes.h"
#include "graph/testing/random_graph.h"

namespace edgefusion::engine {
namespace {

using graph::GivenWeights;
using graph::RandomGraph;
using graph::RandomGraphSizes;

// Widths that take bf16 and fill no panel, pictures that fill no tile.
constexpr std::array<RandomGraphSizes, 4> kSizes = {
    {{1, 5, 7, 32}, {2, 4, 4, 24}, {1, 9, 3, 16}, {3, 2, 6, 40}}};
constexpr uint32_t kSeeds = 12;

RandomGraph random_graph(uint32_t seed) { return RandomGraph(seed, kSizes[seed % kSizes.size()]); }

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

TEST(Differential, AnyNumberOfThreadsAndAnyBandsGiveTheSameBits) {
  std::vector<Runtime> one = runtimes_of_all_isas();
  for (Runtime& runtime : one) {
    for (uint32_t seed = 0; seed < kSeeds; ++seed) {
      const RandomGraph random = random_graph(seed);
      for (const Precision precision : {Precision::f32, Precision::bf16}) {
        SCOPED_TRACE(runtime.isa.to_string() + ", seed " + std::to_string(seed) + ", " +
                     std::string(to_string(precision)));
        CompileOptions options = {.precision = precision, .bands = {.enabled = false}};
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
}

constexpr float kRelativeChange = 0x1p-9f;

Tensor changed(const ConstTensorView& view, std::mt19937& random) {
  Tensor tensor = to_f32(view);
  for (float& x : tensor.values<float>()) {
    x *= (random() & 1) != 0 ? 1 + kRelativeChange : 1 - kRelativeChange;
  }
  return tensor;
}

/// By how many times the largest relative change of any input or weight the outputs change,
/// relative to the largest of their values.
class Sensitivity {
 public:
  Sensitivity(const RandomGraph& random, const std::vector<Tensor>& expected,
              const Runtime& runtime)
      : of_output_(expected.size(), 1.0f) {
    constexpr uint32_t kTrials = 4;
    for (uint32_t trial = 0; trial < kTrials; ++trial) {
      const auto found = run_changed(random, trial, runtime);
      for (size_t i = 0; i < expected.size(); ++i) {
        const float change =
            max_abs_difference(found[i].values<float>(), expected[i].values<float>());
        const float scale = kRelativeChange * max_abs(expected[i].values<float>());
        of_output_[i] = std::max(of_output_[i], change / scale);
      }
    }
  }

  float operator[](size_t output) const { return of_output_[output]; }

 private:
  static std::vector<Tensor> run_changed(const RandomGraph& random, uint32_t seed,
                                         const Runtime& runtime) {
    std::mt19937 generator(seed);
    std::map<std::string, Tensor> inputs;
    for (const auto& [name, tensor] : random.inputs()) {
      inputs[name] = changed(tensor.view(), generator);
    }
    GivenWeights weights;
    for (const std::string& name : random.weights().names()) {
      weights.set(name, changed(*random.weights().find(name), generator));
    }
    return compile_and_run(random.graph(), weights, inputs, runtime);
  }

  std::vector<float> of_output_;
};

/// A sum of k products in f32 is the exact sum of products whose factors are changed by at most
/// k 2^-24 each (Higham 2002, section 3.1), whatever the order; so a network computed in f32 is the
/// exact network with weights and values changed by that much, and its outputs change by that times
/// the sensitivity. The deepest sums here are 9 (40 + 8); normalisation and exponentials add a few
/// roundings more.
constexpr float kF32Change = (9 * 48 + 16) * 0x1p-24f;

TEST(Differential, EveryInstructionSetIsAsNearToTheReferenceAsF32Allows) {
  const std::vector<Runtime> runtimes = runtimes_of_all_isas();
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const RandomGraph random = random_graph(seed);
    const auto exact = graph::evaluate(random.graph(), &random.weights(), random.inputs());
    const auto first =
        compile_and_run(random.graph(), random.weights(), random.inputs(), runtimes.back());
    const Sensitivity sensitivity(random, first, runtimes.back());
    for (const Runtime& runtime : runtimes) {
      Program program = compile_or_die(random.graph(), random.weights(), runtime);
      const auto found = run(program, random.inputs(), *runtime.pool);
      for (size_t i = 0; i < found.size(); ++i) {
        const auto expected = exact.at(program.outputs()[i].name).values<float>();
        EXPECT_LE(max_abs_difference(found[i].values<float>(), expected),
                  kF32Change * sensitivity[i] * max_abs(expected))
            << runtime.isa.to_string() << ", seed " << seed << ", " << program.outputs()[i].name;
      }
    }
  }
}

/// bf16 rounds each weight and each stored value once, by at most 2^-9; Winograd rounds both once
/// more, as sums of several, which counts up to four times.
constexpr float kBf16Change = (1 + 1 + 4) * 0x1p-9f;

TEST(Differential, Bf16IsAsNearToF32AsItsRoundingsAllowOnEveryInstructionSet) {
  const std::vector<Runtime> runtimes = runtimes_of_all_isas();
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const RandomGraph random = random_graph(seed);
    const auto expected =
        compile_and_run(random.graph(), random.weights(), random.inputs(), runtimes.back());
    const Sensitivity sensitivity(random, expected, runtimes.back());
    for (const Runtime& runtime : runtimes) {
      const auto found = compile_and_run(random.graph(), random.weights(), random.inputs(), runtime,
                                         {.precision = Precision::bf16});
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_LE(max_abs_difference(found[i].values<float>(), expected[i].values<float>()),
                  kBf16Change * sensitivity[i] * max_abs(expected[i].values<float>()))
            << runtime.isa.to_string() << ", seed " << seed << ", output " << i;
      }
    }
  }
}

}  // namespace
}  // namespace edgefusion::engine
