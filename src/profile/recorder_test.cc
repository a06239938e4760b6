#include "profile/recorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/random_weights.h"
#include "engine/testing/run_program.h"
#include "engine/testing/small_network.h"
#include "profile/profile_json.h"
#include "profile/rollup.h"

namespace edgefusion::profile {
namespace {

using engine::Program;

/// Records requests of one stage that runs a Program once.
Profile record(Program& program, const std::map<std::string, Tensor>& inputs,
               const Runtime& runtime, int requests) {
  Recorder recorder(runtime, 100000);
  recorder.add_program(program);
  std::vector<ConstTensorView> in;
  for (const auto& info : program.inputs()) in.push_back(inputs.at(info.name).view());
  std::vector<Tensor> results;
  std::vector<TensorView> out;
  for (const auto& info : program.outputs()) results.emplace_back(info.shape, info.dtype);
  for (Tensor& result : results) out.push_back(result.view());
  for (int i = 0; i < requests; ++i) {
    recorder.begin_request();
    {
      const TraceScope stage(runtime.pool->trace(), SpanKind::stage, "U-Net");
      program.run(in, out, *runtime.pool);
    }
    const Status status = recorder.end_request();
    EXPECT_TRUE(status) << status.error().message();
  }
  return std::move(recorder).finish().profile;
}

/// The part of the whole that the parts are, in the middle of all requests: each is measured within
/// the other, so that a busy machine slows both.
double covered(const Profile& profile) {
  std::vector<double> shares;
  for (size_t i = 0; i < profile.whole.ms.size(); ++i) {
    shares.push_back(profile.parts_sum.ms[i] / profile.whole.ms[i]);
  }
  std::ranges::sort(shares);
  EXPECT_LE(shares.back(), 1.0) << "no time is counted twice";
  return shares[shares.size() / 2];
}

TEST(Recorder, AllPartsTogetherAreTheWholeToWithinThreePercent) {
  for (const int threads : {1, 2}) {
    const Runtime runtime = engine::make_runtime(threads);
    const graph::Graph graph = engine::small_network(1, 64, 64);
    const engine::RandomWeights weights(graph);
    const auto inputs = engine::small_inputs(graph);
    for (const int64_t lines : {0, 8}) {  // also with chains that run band by band
      const engine::CompileOptions options = {.bands = {.lines = lines}};
      Program program = engine::compile_or_die(graph, weights, runtime, options);
      const Profile profile = record(program, inputs, runtime, 9);
      EXPECT_GE(covered(profile), 0.97) << threads << " threads, " << lines << " lines";
    }
  }
}

TEST(Recorder, CountsWhatTheProgramCounts) {
  const Runtime runtime = engine::make_runtime(2);
  const graph::Graph graph = engine::small_network(1, 16, 16);
  const engine::RandomWeights weights(graph);
  Program program = engine::compile_or_die(graph, weights, runtime);
  const Profile profile = record(program, engine::small_inputs(graph), runtime, 3);
  Cost sum;
  for (const Part& part : profile.parts) {
    sum += part.cost;
    EXPECT_EQ(part.time.ms.size(), 3u);
  }
  EXPECT_EQ(sum.macs, program.macs());
  const auto networks = by_network(profile);
  ASSERT_EQ(networks.size(), 1u);
  EXPECT_EQ(networks[0].cost.bytes(), sum.bytes());
  int64_t macs_of_classes = 0;
  for (const Row& row : by_class(profile)) macs_of_classes += row.cost.macs;
  EXPECT_EQ(macs_of_classes, program.macs());
  ASSERT_EQ(profile.memory.programs.size(), 1u);
  const ProgramMemory& memory = profile.memory.programs[0];
  EXPECT_LE(memory.live_bytes[static_cast<size_t>(memory.peak_step)], memory.arena_bytes);
  int64_t alive = 0;
  for (const auto& value : memory.alive) alive += value.bytes;
  EXPECT_EQ(alive, memory.live_bytes[static_cast<size_t>(memory.peak_step)]);
}

/// Twenty layers of one size, and among them one with fifty times the work.
TEST(Recorder, APlantedSlowStepIsNamedFirst) {
  engine::GraphBuilder g("planted", nullptr);
  const engine::WeightScope w;
  engine::ValueId x = g.input("x", {1, 64, 64});
  for (int i = 0; i < 20; ++i) {
    if (i == 13) {
      x = g.linear(g.linear(x, w / "blocks.13.slow", 3200), w / "blocks.13.back", 64);
    } else {
      x = g.linear(x, w / ("blocks." + std::to_string(i) + ".fc"), 64);
    }
  }
  g.output("y", x);
  const graph::Graph graph = *g.finish();
  const engine::RandomWeights weights(graph);
  const Runtime runtime = engine::make_runtime(1);
  Program program = engine::compile_or_die(graph, weights, runtime);
  const Profile profile = record(program, engine::small_inputs(graph), runtime, 7);
  const std::vector<Row> parts = by_part(profile);
  EXPECT_TRUE(parts[0].name.starts_with("blocks.13.")) << parts[0].name;
  EXPECT_TRUE(parts[1].name.starts_with("blocks.13.")) << parts[1].name;
  EXPECT_GT(parts[1].time.median(), 3 * parts[2].time.median());
  std::vector<Row> blocks = by_block(profile);
  const auto slowest =
      std::ranges::max_element(blocks, {}, [](const Row& row) { return row.time.median(); });
  EXPECT_EQ(slowest->name, "blocks.13");
}

TEST(Recorder, StepsOfTheLoopAreKeptApart) {
  const Runtime runtime = engine::make_runtime(1);
  const graph::Graph graph = engine::small_network(1, 8, 8);
  const engine::RandomWeights weights(graph);
  const auto inputs = engine::small_inputs(graph);
  Program program = engine::compile_or_die(graph, weights, runtime);
  Recorder recorder(runtime, 10000);
  recorder.add_program(program);
  for (int request = 0; request < 2; ++request) {
    recorder.begin_request();
    Trace* trace = runtime.pool->trace();
    { const TraceScope load(trace, SpanKind::stage, "load U-Net"); }
    {
      const TraceScope stage(trace, SpanKind::stage, "U-Net");
      for (int step = 0; step < 3; ++step) {
        const TraceScope iteration(trace, SpanKind::iteration, "denoising step");
        engine::run(program, inputs, *runtime.pool);
      }
    }
    ASSERT_TRUE(recorder.end_request());
  }
  const Profile profile = std::move(recorder).finish().profile;
  ASSERT_EQ(profile.iterations.size(), 3u);
  for (const Iteration& iteration : profile.iterations) {
    EXPECT_EQ(iteration.cost.macs, program.macs());
    EXPECT_EQ(iteration.arithmetic_macs[0], program.macs());
    EXPECT_GT(iteration.time.min(), 0);
  }
  for (const Part& part : profile.parts) {
    if (part.op_class != "copy") {
      EXPECT_EQ(part.runs, 3) << part.name;
    }
  }
  ASSERT_EQ(profile.stages.size(), 2u);
  EXPECT_TRUE(profile.stages[0].loads);
  EXPECT_EQ(profile.whole.ms, profile.stages[1].time.ms) << "loading is no part of the whole";
}

TEST(Recorder, ATraceWithoutRoomIsAnError) {
  const Runtime runtime = engine::make_runtime(1);
  const graph::Graph graph = engine::small_network(1, 8, 8);
  const engine::RandomWeights weights(graph);
  Program program = engine::compile_or_die(graph, weights, runtime);
  Recorder recorder(runtime, 4);
  recorder.add_program(program);
  recorder.begin_request();
  engine::run(program, engine::small_inputs(graph), *runtime.pool);
  EXPECT_FALSE(recorder.end_request());
  EXPECT_EQ(runtime.pool->trace(), nullptr);
}

TEST(Recorder, BlocksAreNamedByTheFirstNumber) {
  EXPECT_EQ(block_of("down_blocks.1.attentions.0.proj_in"), "down_blocks.1");
  EXPECT_EQ(block_of("text_model.encoder.layers.11.mlp.fc1"), "text_model.encoder.layers.11");
  EXPECT_EQ(block_of("mid_block.resnets.1"), "mid_block.resnets.1");
  EXPECT_EQ(block_of("conv_in"), "conv_in");
  EXPECT_EQ(block_of("time_embedding.linear_1"), "time_embedding");
  EXPECT_EQ(block_of(""), "");
  EXPECT_EQ(block_of("..7"), "..7");
}

}  // namespace
}  // namespace edgefusion::profile
