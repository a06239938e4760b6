#include "graph/split_by_inputs.h"

#include <gtest/gtest.h>

#include <cstring>

#include "graph/builder.h"
#include "graph/evaluate.h"
#include "graph/op_table.h"
#include "graph/passes/passes.h"
#include "graph/testing/random_graph.h"

namespace edgefusion::graph {
namespace {

const WeightScope kRoot;
const StepInputs kUNetInputs{.timestep = {"timestep"}, .step = {"sample"}};

// A U-Net in small: a time embedding with a guidance embedding in it, a block that adds it, and
// attention to a text.
Graph small_unet() {
  GraphBuilder g("unet", nullptr);
  const ValueId x = g.input("sample", {1, 3, 4});
  const ValueId t = g.input("timestep", {1});
  const ValueId text = g.input("text", {1, 5, 6});
  const ValueId guidance = g.linear(g.input("guidance", {1, 6}), kRoot / "cond_proj", 4, false);
  const ValueId time = g.silu(g.add(g.timestep_embedding(t, {.dim = 4}), guidance));
  const ValueId h = g.add(x, g.linear(time, kRoot / "time_emb_proj", 4, false));
  const ValueId q = g.linear(h, kRoot / "to_q", 4, false);
  const ValueId k = g.linear(text, kRoot / "to_k", 4, false);
  g.output("out", g.attention({q, k, g.linear(text, kRoot / "to_v", 4, false), kNoValue}, {}));
  return *g.finish();
}

TEST(SplitByInputs, CutsAUNetIntoWhatNeverChangesWhatFollowsTheTimestepAndTheRest) {
  const SplitGraph parts = split_by_inputs(small_unet(), kUNetInputs);
  EXPECT_EQ(parts.once.dump(),
            "graph unet:once\n"
            "text = input () -> [1,5,6]\n"
            "guidance = input () -> [1,6]\n"
            "cond_proj.weight = weight tensors=cond_proj.weight () -> [4,6]\n"
            "cond_proj = linear (guidance, cond_proj.weight) -> [1,4]\n"
            "to_k.weight = weight tensors=to_k.weight () -> [4,6]\n"
            "to_k = linear (text, to_k.weight) -> [1,5,4]\n"
            "to_v.weight = weight tensors=to_v.weight () -> [4,6]\n"
            "to_v = linear (text, to_v.weight) -> [1,5,4]\n"
            "outputs cond_proj, to_k, to_v\n");
  EXPECT_EQ(parts.timestep.dump(),
            "graph unet:timestep\n"
            "timestep = input () -> [1]\n"
            "timestep:timestep_embedding = timestep_embedding dim=4 cos,sin freq_shift=0 (timestep)"
            " -> [1,4]\n"
            "cond_proj = input () -> [1,4]\n"
            "timestep:add = add (timestep:timestep_embedding, cond_proj) -> [1,4]\n"
            "timestep:activation = activation silu (timestep:add) -> [1,4]\n"
            "time_emb_proj.weight = weight tensors=time_emb_proj.weight () -> [4,4]\n"
            "time_emb_proj = linear (timestep:activation, time_emb_proj.weight) -> [1,4]\n"
            "outputs time_emb_proj\n");
  EXPECT_EQ(parts.step.dump(),
            "graph unet\n"
            "sample = input () -> [1,3,4]\n"
            "time_emb_proj = input () -> [1,4]\n"
            "time_emb_proj:add = add (sample, time_emb_proj) -> [1,3,4]\n"
            "to_q.weight = weight tensors=to_q.weight () -> [4,4]\n"
            "to_q = linear (time_emb_proj:add, to_q.weight) -> [1,3,4]\n"
            "to_k = input () -> [1,5,4]\n"
            "to_v = input () -> [1,5,4]\n"
            "out = attention heads=1 scale=1 (to_q, to_k, to_v) -> [1,3,4]\n"
            "outputs out\n");
  EXPECT_EQ(parts.constant_step_inputs, (std::vector<std::string>{"to_k", "to_v"}));
}

TEST(SplitByInputs, HandsOverAMergedProjectionAsOne) {
  Graph graph = small_unet();
  EXPECT_EQ(merge_projections(graph), 1);
  const SplitGraph parts = split_by_inputs(std::move(graph), kUNetInputs);
  EXPECT_EQ(parts.constant_step_inputs, std::vector<std::string>{"to_k+to_v"});
  EXPECT_NE(parts.once.find("to_k+to_v"), kNoValue);
}

TEST(SplitByInputs, ComputesOutputsInTheLastPartWhateverTheyDependOn) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4}), c = g.input("c", {1, 4});
  const ValueId constant = g.silu(c);
  g.output("constant", constant);
  g.output("y", g.add(x, g.affine(constant, 2, 0)));
  const SplitGraph parts = split_by_inputs(*g.finish(), {.step = {"x"}});
  EXPECT_TRUE(parts.once.nodes().empty());
  EXPECT_TRUE(parts.timestep.nodes().empty());
  EXPECT_EQ(parts.step.outputs().size(), 2u);
  EXPECT_EQ(parts.constant_step_inputs, std::vector<std::string>{"c"});
}

TEST(SplitByInputs, LeavesInputsNobodyReadsToTheLastPartAndDeadNodesOut) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4}), c = g.input("c", {1, 4});
  g.silu(c);
  g.output("y", g.affine(x, 2, 0));
  const SplitGraph parts = split_by_inputs(*g.finish(), {.step = {"x"}});
  EXPECT_TRUE(parts.once.nodes().empty());
  EXPECT_EQ(parts.step.inputs().size(), 2u);
}

TEST(SplitByInputs, GivesEachPartTheWeightsItUses) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4}), c = g.input("c", {1, 4});
  g.output("y", g.add(g.linear(x, kRoot / "fc", 4), g.linear(c, kRoot / "fc", 4)));
  const SplitGraph parts = split_by_inputs(*g.finish(), {.step = {"x"}});
  for (const Graph* part : {&parts.once, &parts.step}) {
    EXPECT_NE(part->find("fc.weight"), kNoValue);
    EXPECT_NE(part->find("fc.bias"), kNoValue);
  }
}

using Tensors = std::map<std::string, Tensor>;

// Runs a part on what is known by name; what it gives is known from then on.
void run_part(const Graph& part, const TensorSource& weights, Tensors& known) {
  Tensors inputs;
  for (const ValueId id : part.inputs()) {
    const std::string& name = part.value(id).name;
    ASSERT_TRUE(known.contains(name)) << name << " for " << part.name();
    inputs.emplace(name, known.at(name));
  }
  for (auto& [name, tensor] : evaluate(part, &weights, inputs)) {
    known.insert_or_assign(name, std::move(tensor));
  }
}

TEST(SplitByInputs, KeepsEveryBitOfRandomGraphs) {
  size_t handed_over = 0;
  for (uint32_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    const RandomGraph random(seed);
    const auto expected = evaluate(random.graph(), &random.weights(), random.inputs());
    const SplitGraph parts = split_by_inputs(random.graph(), {.timestep = {"time"}, .step = {"x"}});
    Tensors known = random.inputs();
    run_part(parts.once, random.weights(), known);
    run_part(parts.timestep, random.weights(), known);
    handed_over += parts.once.outputs().size() + parts.timestep.outputs().size();
    run_part(parts.step, random.weights(), known);
    for (const auto& [name, tensor] : expected) {
      const ConstTensorView found = known.at(name).view();
      EXPECT_EQ(0, std::memcmp(found.data, tensor.view().data, found.bytes())) << name;
    }
    const int64_t macs =
        graph_cost(parts.once).macs + graph_cost(parts.timestep).macs + graph_cost(parts.step).macs;
    Graph whole = random.graph();
    whole.eliminate_dead_nodes();
    EXPECT_EQ(macs, graph_cost(whole).macs);  // nothing is computed twice
    if (HasFailure()) return;
  }
  EXPECT_GE(handed_over, 150u);
}

}  // namespace
}  // namespace edgefusion::graph
