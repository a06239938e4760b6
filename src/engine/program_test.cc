#include "engine/program.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/trace.h"
#include "engine/random_weights.h"
#include "engine/testing/run_program.h"
#include "engine/testing/small_network.h"
#include "graph/builder.h"
#include "graph/evaluate.h"
#include "graph/passes/passes.h"
#include "graph/split_by_inputs.h"

namespace edgefusion::engine {
namespace {

void expect_close(const Tensor& a, const Tensor& b, float relative) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_LE(max_abs_difference(a.values<float>(), b.values<float>()),
            relative * max_abs(b.values<float>()));
}

TEST(Program, EqualsTheReferenceAtSizesThatFillNoTile) {
  const Runtime runtime = make_runtime(2);
  for (const auto& [batch, height, width] :
       {std::array<int64_t, 3>{1, 8, 8}, {2, 9, 13}, {1, 17, 5}}) {
    const Graph graph = small_network(batch, height, width);
    const RandomWeights weights(graph);
    const auto inputs = small_inputs(graph);
    const auto expected = graph::evaluate(graph, &weights, inputs);
    Program program = compile_or_die(graph, weights, runtime);
    expect_close(run(program, inputs, *runtime.pool)[0], expected.at("y"), 1e-5f);
  }
}

TEST(Program, GivesTheSameBitsForAnyNumberOfThreadsAndOnEveryRun) {
  const Graph graph = small_network(2, 19, 23);
  const RandomWeights weights(graph);
  const auto inputs = small_inputs(graph);
  const Runtime one = make_runtime(1);
  Program single = compile_or_die(graph, weights, one);
  const Tensor expected = run(single, inputs, *one.pool)[0];
  expect_same_bits(run(single, inputs, *one.pool)[0], expected);
  for (const int threads : {2, 3, 7}) {
    const Runtime many = make_runtime(threads);
    Program program = compile_or_die(graph, weights, many);
    expect_same_bits(run(program, inputs, *many.pool)[0], expected);
  }
}

TEST(Program, GivesOutTapsBesideTheOutputs) {
  const Runtime runtime = make_runtime(2);
  const Graph graph = small_network(1, 8, 8);
  const RandomWeights weights(graph);
  const auto inputs = small_inputs(graph);
  Program plain = compile_or_die(graph, weights, runtime);
  Program tapped = compile_or_die(graph, weights, runtime, {.taps = {"conv1", "down"}});
  ASSERT_EQ(tapped.outputs().size(), 3u);
  EXPECT_EQ(tapped.outputs()[1].name, "conv1");
  EXPECT_EQ(tapped.outputs()[2].shape, Shape({1, 4, 4, 48}));
  const auto results = run(tapped, inputs, *runtime.pool);
  EXPECT_GT(max_abs(results[1].values<float>()), 0.0f);
  expect_close(results[0], run(plain, inputs, *runtime.pool)[0], 1e-6f);
}

TEST(Program, RefusesATapThatNamesNoValueAndSuggestsOne) {
  const Runtime runtime = make_runtime(1);
  const Graph graph = small_network(1, 8, 8);
  const RandomWeights weights(graph);
  const auto program = compile(graph, weights, {.taps = {"conv_inn"}}, runtime);
  ASSERT_FALSE(program.has_value());
  EXPECT_EQ(program.error().message(),
            "small: unknown value \"conv_inn\", did you mean \"conv_in\"?");
}

/// Runs a part on what is known by name; what it gives is known from then on.
void run_part(Program& part, std::map<std::string, Tensor>& known, ThreadPool& pool) {
  for (const auto& info : part.held_inputs()) part.hold(info.name, known.at(info.name).view());
  std::vector<Tensor> results = run(part, known, pool);
  for (size_t i = 0; i < results.size(); ++i) {
    known.insert_or_assign(part.outputs()[i].name, std::move(results[i]));
  }
}

TEST(Program, InPartsGivesTheSameBitsAsAWhole) {
  const Runtime runtime = make_runtime(2);
  Graph graph = small_network(2, 9, 13);
  const RandomWeights weights(graph);
  auto known = small_inputs(graph);
  Program whole = compile_or_die(graph, weights, runtime);
  const Tensor expected = run(whole, known, *runtime.pool)[0];
  graph::merge_projections(graph);
  auto parts = graph::split_by_inputs(std::move(graph), {.timestep = {"t"}, .step = {"x"}});
  EXPECT_EQ(parts.constant_step_inputs, std::vector<std::string>{"k2+v2"});
  EXPECT_EQ(parts.timestep.outputs().size(), 1u);
  const CompileOptions holding = {.held_inputs = parts.constant_step_inputs};
  Program once = compile_or_die(parts.once, weights, runtime);
  Program timestep = compile_or_die(parts.timestep, weights, runtime);
  Program step = compile_or_die(parts.step, weights, runtime, holding);
  for (Program* part : {&once, &timestep, &step}) run_part(*part, known, *runtime.pool);
  expect_same_bits(known.at("y"), expected);
  known.erase("k2+v2");  // held from the first run on
  expect_same_bits(run(step, known, *runtime.pool)[0], expected);
}

TEST(Program, TakesExactlyTheMemoryItForecasts) {
  const Runtime runtime = make_runtime(2);
  const Graph graph = small_network(1, 32, 32);
  const RandomWeights weights(graph);
  const auto expected = forecast(graph, nullptr, {}, runtime);
  ASSERT_TRUE(expected.has_value());
  Program program = compile_or_die(graph, weights, runtime);
  EXPECT_EQ(program.memory().weight_bytes, expected->weight_bytes);
  EXPECT_EQ(program.memory().arena_bytes, expected->arena_bytes);
  EXPECT_EQ(program.memory().scratch_bytes, expected->scratch_bytes);
  EXPECT_GT(expected->arena_bytes, 0);
}

TEST(Program, TimesEveryStepWithItsProducts) {
  const Runtime runtime = make_runtime(1);
  const Graph graph = small_network(1, 8, 8);
  const RandomWeights weights(graph);
  const auto inputs = small_inputs(graph);
  Program program = compile_or_die(graph, weights, runtime);
  std::vector<ConstTensorView> in;
  for (const auto& info : program.inputs()) in.push_back(inputs.at(info.name).view());
  Tensor result(program.outputs()[0].shape, DType::f32);
  const std::vector<TensorView> out = {result.view()};
  std::vector<StepTime> times;
  program.run(in, out, *runtime.pool, &times);
  int64_t macs = 0;
  for (const auto& step : times) macs += step.macs;
  EXPECT_EQ(macs, program.macs());
  EXPECT_GT(times.size(), 20u);
}

TEST(Program, LeavesASpanOfEveryStepInTheTraceOfItsPool) {
  const Runtime runtime = make_runtime(2);
  const Graph graph = small_network(1, 16, 16);
  const RandomWeights weights(graph);
  const auto inputs = small_inputs(graph);
  for (const int64_t lines : {0, 2}) {  // also with chains that run band by band
    const CompileOptions options = {.precision = Precision::bf16, .bands = {.lines = lines}};
    Program program = compile_or_die(graph, weights, runtime, options);
    const Tensor expected = run(program, inputs, *runtime.pool)[0];
    Trace trace(2, 10000);
    runtime.pool->set_trace(&trace);
    expect_same_bits(run(program, inputs, *runtime.pool)[0], expected);
    runtime.pool->set_trace(nullptr);
    std::map<int32_t, int> seen;
    int64_t covered = 0;
    const TraceSpan whole = trace.spans(0).back();
    EXPECT_EQ(whole.kind, SpanKind::run);
    EXPECT_EQ(trace.name(whole.label), "small");
    for (const TraceSpan& span : trace.spans(0)) {
      EXPECT_GE(span.begin_ns, whole.begin_ns);
      EXPECT_LE(span.end_ns, whole.end_ns);
      if (span.kind == SpanKind::step) ++seen[span.index];
      if (span.kind == SpanKind::step || span.kind == SpanKind::copy) {
        covered += span.end_ns - span.begin_ns;
      }
    }
    EXPECT_EQ(seen.size(), program.steps().size());
    EXPECT_LE(covered, whole.end_ns - whole.begin_ns) << "no time is counted twice";
  }
}

TEST(Program, TellsWhatItsStepsReadAndWriteAsItIsStored) {
  const Runtime runtime = make_runtime(1);
  GraphBuilder g("layers", nullptr);
  const ValueId x = g.input("x", {1, 40, 64});
  const ValueId h = g.linear(x, WeightScope() / "first", 96, false);
  g.output("y", g.linear(h, WeightScope() / "second", 32, false));
  const Graph graph = *g.finish();
  const RandomWeights weights(graph);
  const Program program = compile_or_die(graph, weights, runtime);
  const auto steps = program.steps();
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].name, "first");
  EXPECT_EQ(steps[0].op_class, "linear");
  EXPECT_EQ(steps[0].arithmetic, Precision::f32);
  EXPECT_EQ(steps[0].macs, 40 * 64 * 96);
  EXPECT_EQ(steps[0].written_bytes, 40 * 96 * 4);
  // Weights are packed from f16, to whole panels.
  EXPECT_GE(steps[0].weight_bytes, 64 * 96 * 2);
  EXPECT_LE(steps[0].weight_bytes, 64 * 96 * 2 * 3 / 2);
  EXPECT_EQ(steps[0].read_bytes, 40 * 64 * 4 + steps[0].weight_bytes);
  int64_t weight_bytes = 0;
  for (const auto& step : steps) weight_bytes += step.weight_bytes;
  EXPECT_EQ(weight_bytes, program.memory().weight_bytes);
}

TEST(Program, TellsWhichBuffersAreAliveAtWhichStep) {
  const Runtime runtime = make_runtime(1);
  const Graph graph = small_network(1, 16, 16);
  const RandomWeights weights(graph);
  const Program program = compile_or_die(graph, weights, runtime);
  const auto steps = static_cast<int>(program.steps().size());
  std::vector<int64_t> alive(static_cast<size_t>(steps), 0);
  for (const PlannedBuffer& buffer : program.buffers()) {
    EXPECT_FALSE(buffer.name.empty());
    EXPECT_GE(buffer.first_step, 0) << buffer.name;
    EXPECT_LT(buffer.last_step, steps) << buffer.name;
    EXPECT_LE(buffer.offset + buffer.bytes, program.memory().arena_bytes) << buffer.name;
    for (int step = buffer.first_step; step <= buffer.last_step; ++step) {
      alive[static_cast<size_t>(step)] += buffer.bytes;
    }
  }
  for (const int64_t bytes : alive) {
    EXPECT_GT(bytes, 0);
    EXPECT_LE(bytes, program.memory().arena_bytes);
  }
}

}  // namespace
}  // namespace edgefusion::engine
