#include "graph/split_by_inputs.h"

#include <algorithm>
#include <array>

#include "core/result.h"

namespace edgefusion::graph {
namespace {

// How often a value changes; also the part that computes it.
enum Rate : size_t { kOnce = 0, kTimestep = 1, kStep = 2, kRates = 3 };

bool is_source(OpKind op) {
  return op == OpKind::input || op == OpKind::weight || op == OpKind::constant;
}

class Splitter {
 public:
  Splitter(const Graph& graph, const StepInputs& inputs)
      : graph_(graph), rates_(graph.values().size(), kOnce) {
    for (const auto& name : inputs.timestep) rates_[input_named(name)] = kTimestep;
    for (const auto& name : inputs.step) rates_[input_named(name)] = kStep;
    for (const Node& node : graph.nodes()) {
      if (!is_source(node.op)) rates_[index(node.output)] = rate_of(node);
    }
    const std::string& name = graph.name();
    parts_ = {Part(name + ":once", graph), Part(name + ":timestep", graph), Part(name, graph)};
  }

  SplitGraph run() && {
    declare_inputs();
    for (const Node& node : graph_.nodes()) {
      if (!is_source(node.op)) place(node);
    }
    Graph& step = parts_[kStep].graph;
    for (const ValueId id : graph_.outputs()) step.add_output(parts_[kStep].copies[index(id)]);
    std::vector<std::string> constant;
    for (const ValueId id : step.inputs()) {
      const std::string& name = step.value(id).name;
      if (rates_[index(graph_.find(name))] == kOnce) constant.push_back(name);
    }
    return {std::move(parts_[kOnce].graph), std::move(parts_[kTimestep].graph), std::move(step),
            std::move(constant)};
  }

 private:
  struct Part {
    Part() = default;
    Part(std::string name, const Graph& whole)
        : graph(std::move(name)), copies(whole.values().size(), kNoValue) {}
    Graph graph;
    std::vector<ValueId> copies;  // by id in the whole graph
  };

  static size_t index(ValueId id) { return static_cast<size_t>(id); }

  size_t input_named(const std::string& name) const {
    const ValueId id = graph_.find(name);
    EF_CHECK(id != kNoValue && graph_.producer(id).op == OpKind::input,
             graph_.name() + " has no input " + name);
    return index(id);
  }

  Rate rate_of(const Node& node) const {
    if (graph_.is_output(node.output)) return kStep;
    Rate rate = kOnce;
    for (const ValueId input : node.inputs) {
      if (input != kNoValue) rate = std::max(rate, rates_[index(input)]);
    }
    return rate;
  }

  // Each part gets the inputs it reads, in their order; one nobody reads stays with the last.
  void declare_inputs() {
    std::vector<std::array<bool, kRates>> read(graph_.values().size());
    for (const Node& node : graph_.nodes()) {
      for (const ValueId input : node.inputs) {
        if (input != kNoValue) read[index(input)][rates_[index(node.output)]] = true;
      }
    }
    for (const ValueId id : graph_.outputs()) read[index(id)][kStep] = true;
    for (const ValueId id : graph_.inputs()) {
      auto& readers = read[index(id)];
      if (std::ranges::none_of(readers, [](bool reads) { return reads; })) readers[kStep] = true;
      for (size_t part = kOnce; part < kRates; ++part) {
        if (readers[part]) add_input(parts_[part], id);
      }
    }
  }

  void add_input(Part& part, ValueId id) {
    const ValueId copy = part.graph.add(OpKind::input, InputAttrs{}, {}, graph_.value(id));
    part.graph.add_input(copy);
    part.copies[index(id)] = copy;
  }

  void place(const Node& node) {
    const Rate rate = rates_[index(node.output)];
    std::vector<ValueId> inputs;
    for (const ValueId input : node.inputs) {
      inputs.push_back(input == kNoValue ? kNoValue : in_part(rate, input));
    }
    Part& part = parts_[rate];
    part.copies[index(node.output)] =
        part.graph.add(node.op, node.attrs, std::move(inputs), graph_.value(node.output));
  }

  // The value as a node of part `rate` reads it: computed there, or handed over from an earlier
  // one.
  ValueId in_part(Rate rate, ValueId id) {
    Part& part = parts_[rate];
    if (part.copies[index(id)] != kNoValue) return part.copies[index(id)];
    const Node& producer = graph_.producer(id);
    if (is_source(producer.op)) {
      part.copies[index(id)] = part.graph.add(producer.op, producer.attrs, {}, graph_.value(id));
    } else {
      Part& maker = parts_[rates_[index(id)]];
      const ValueId made = maker.copies[index(id)];
      if (!maker.graph.is_output(made)) maker.graph.add_output(made);
      add_input(part, id);
    }
    return part.copies[index(id)];
  }

  const Graph& graph_;
  std::vector<Rate> rates_;  // by value; of weights and constants it says nothing
  std::array<Part, kRates> parts_;
};

}  // namespace

SplitGraph split_by_inputs(Graph graph, const StepInputs& inputs) {
  graph.eliminate_dead_nodes();  // a dead node would keep its part alive
  return Splitter(graph, inputs).run();
}

}  // namespace edgefusion::graph
