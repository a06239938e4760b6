#include "engine/program.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/arena.h"
#include "engine/bands.h"
#include "engine/lowering.h"
#include "engine/memory_plan.h"
#include "engine/place_weights.h"
#include "engine/prepare_graph.h"
#include "engine/program_steps.h"
#include "engine/step_watch.h"
#include "engine/weight_store.h"
#include "graph/op_table.h"

namespace edgefusion::engine {
namespace {

using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::ValueId;

/// Where a tensor the caller sees lives in the arena.
struct Port {
  ValueId value = kNoValue;
  std::byte* data = nullptr;
  size_t bytes = 0;
  bool given = false;  ///< of held inputs
};

void check_tensor(const TensorInfo& info, const ConstTensorView& tensor) {
  EF_CHECK(tensor.shape == info.shape && tensor.dtype == info.dtype,
           info.name + " " + tensor.shape.to_string() + ", expected " + info.shape.to_string());
}

/// Whoever watches wants to see whole pictures.
BandOptions bands_of(const CompileOptions& options) {
  BandOptions bands = options.bands;
  bands.enabled = bands.enabled && !options.observe;
  return bands;
}

std::vector<ValueId> inputs_named(const Graph& graph, const std::vector<std::string>& names) {
  std::vector<ValueId> inputs;
  for (const std::string& name : names) {
    const ValueId value = graph.find(name);
    EF_CHECK(std::ranges::count(graph.inputs(), value) == 1,
             graph.name() + " has no input " + name);
    inputs.push_back(value);
  }
  return inputs;
}

}  // namespace

struct Program::State {
  Graph graph;
  std::vector<BandGroup> chains;
  MemoryPlan plan;
  MemoryForecast memory;
  Arena arena;
  Arena scratch;
  size_t scratch_per_thread = 0;
  std::unique_ptr<WeightStore> weights;
  std::vector<Step> steps;
  std::vector<TensorInfo> input_infos, held_infos, output_infos;
  std::vector<Port> input_ports, held_ports, output_ports;
  int64_t macs = 0;
  size_t entries = 0;  ///< parts of all steps
  std::function<void(std::string_view, const ConstTensorView&)> observe;

  /// Tells whoever watches of a value that was just made.
  void observe_value(ValueId id) const {
    const graph::Value& value = graph.value(id);
    const int buffer = plan.buffer_of_value[static_cast<size_t>(id)];
    const auto offset = static_cast<size_t>(plan.offset_of_buffer[static_cast<size_t>(buffer)]);
    observe(value.name, {arena.at(offset), value.shape, value.dtype});
  }

  Port port(ValueId value, std::vector<TensorInfo>& infos) {
    const graph::Value& info = graph.value(value);
    infos.push_back({info.name, info.shape, info.dtype});
    const int buffer = plan.buffer_of_value[static_cast<size_t>(value)];
    EF_CHECK(buffer >= 0, info.name + " is a constant");
    const auto offset = static_cast<size_t>(plan.offset_of_buffer[static_cast<size_t>(buffer)]);
    return {value, arena.at(offset), static_cast<size_t>(storage_bytes(info))};
  }

  void take_inputs(std::span<const ConstTensorView> inputs, Trace* trace, int32_t label) const {
    const TraceScope copy(trace, SpanKind::copy, label);
    for (size_t i = 0; i < inputs.size(); ++i) {
      check_tensor(input_infos[i], inputs[i]);
      std::memcpy(input_ports[i].data, inputs[i].data, input_ports[i].bytes);
    }
  }

  void run_steps(ThreadPool& pool, const StepClock* clock) const {
    const auto observed = [&](ValueId value) { observe_value(value); };
    if (observe) std::ranges::for_each(graph.inputs(), observed);
    const RunContext context{pool, scratch.at(0), scratch_per_thread};
    size_t entry = 0;
    for (const Step& step : steps) {
      if (step.streams) weights->fetch(step.weights_begin, step.weights_end);
      step.run(context, clock, entry);
      if (step.streams) weights->drop(step.weights_begin, step.weights_end);
      if (observe) std::ranges::for_each(step.parts, observed, &Step::Part::output);
      entry += step.parts.size();
    }
  }

  void give_outputs(std::span<const TensorView> outputs, Trace* trace, int32_t label) const {
    const TraceScope copy(trace, SpanKind::copy, label);
    for (size_t i = 0; i < outputs.size(); ++i) {
      check_tensor(output_infos[i], outputs[i]);
      std::memcpy(outputs[i].data, output_ports[i].data, output_ports[i].bytes);
    }
  }
};

std::string_view to_string(Precision precision) {
  switch (precision) {
    case Precision::f32:
      return "f32";
    case Precision::bf16:
      return "bf16";
    case Precision::int8:
      return "int8";
  }
  return "?";
}

Result<Precision> parse_precision(std::string_view name, IsaSet isa) {
  if (name == "f32") return Precision::f32;
  if (name == "bf16") return Precision::bf16;
  if (name == "int8") return Precision::int8;
  if (name == "auto") {
    const bool native = isa.has(Isa::avx512_bf16) || isa.has(Isa::amx_bf16);
    return native ? Precision::bf16 : Precision::f32;
  }
  return fail(ErrorCode::invalid_argument,
              "precision '" + std::string(name) + "': expected auto, f32, bf16 or int8");
}

Program::Program(std::unique_ptr<State> state) : state_(std::move(state)) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

std::span<const TensorInfo> Program::inputs() const { return state_->input_infos; }
std::span<const TensorInfo> Program::held_inputs() const { return state_->held_infos; }
std::span<const TensorInfo> Program::outputs() const { return state_->output_infos; }
const MemoryForecast& Program::memory() const { return state_->memory; }
int64_t Program::macs() const { return state_->macs; }
const std::string& Program::name() const { return state_->graph.name(); }
std::vector<StepInfo> Program::steps() const {
  return describe_steps(state_->graph, state_->steps);
}
std::vector<PlannedBuffer> Program::buffers() const {
  return describe_buffers(state_->graph, state_->plan, state_->steps);
}

void Program::hold(std::string_view name, const ConstTensorView& value) {
  const auto& infos = state_->held_infos;
  const auto found = std::ranges::find(infos, name, &TensorInfo::name);
  EF_CHECK(found != infos.end(), std::string(name) + " is not a held input");
  check_tensor(*found, value);
  Port& port = state_->held_ports[static_cast<size_t>(found - infos.begin())];
  std::memcpy(port.data, value.data, port.bytes);
  port.given = true;
}

void Program::run(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
                  ThreadPool& pool, std::vector<StepTime>* times) {
  State& state = *state_;
  EF_CHECK(inputs.size() == state.input_ports.size(), "number of inputs");
  EF_CHECK(outputs.size() == state.output_ports.size(), "number of outputs");
  EF_CHECK(static_cast<size_t>(pool.threads()) * state.scratch_per_thread <= state.scratch.bytes(),
           "compiled for fewer threads");
  for (size_t i = 0; i < state.held_ports.size(); ++i) {
    EF_CHECK(state.held_ports[i].given, state.held_infos[i].name + " was not given to hold()");
  }
  Trace* trace = pool.trace();
  const int32_t label = trace == nullptr ? 0 : trace->label(state.graph.name());
  const TraceScope whole(trace, SpanKind::run, label);
  state.take_inputs(inputs, trace, label);
  std::vector<double> seconds(times == nullptr ? 0 : state.entries);
  const StepClock clock = {times == nullptr ? nullptr : seconds.data(), trace, label};
  const bool timed = times != nullptr || trace != nullptr;
  state.run_steps(pool, timed ? &clock : nullptr);
  state.give_outputs(outputs, trace, label);
  if (times == nullptr) return;
  const std::vector<StepInfo> infos = steps();
  for (size_t i = 0; i < infos.size(); ++i) {
    times->push_back({infos[i].name, infos[i].op_class, infos[i].macs, seconds[i]});
  }
}

namespace {

/// The measuring pass: how much each part of a Program takes.
MemoryForecast measure(const Graph& graph, const std::vector<BandGroup>& chains,
                       const MemoryPlan& plan, WeightStore& weights, const Runtime& runtime) {
  Lowering lowering(graph, plan, weights, runtime);
  size_t largest = 0;
  for (const Step& step : lower_steps(graph, chains, lowering)) {
    largest = std::max(largest, step.weights_end - step.weights_begin);
  }
  const auto threads = static_cast<int64_t>(runtime.pool->threads());
  return {.weight_bytes = static_cast<int64_t>(weights.offset()),
          .arena_bytes = plan.arena_bytes,
          .scratch_bytes = threads * static_cast<int64_t>(lowering.scratch_per_thread()),
          .largest_step_bytes = static_cast<int64_t>(largest),
          .packing_bytes = weights.packing_bytes()};
}

/// Marks the steps whose weights do not fit into `budget` beside the largest step's.
void choose_streamed(std::vector<Step>& steps, int64_t budget, int64_t largest_step) {
  int64_t kept = 0;
  for (Step& step : steps) {
    const auto bytes = static_cast<int64_t>(step.weights_end - step.weights_begin);
    step.streams = kept + bytes > budget - largest_step;
    if (!step.streams) kept += bytes;
  }
}

}  // namespace

Result<MemoryForecast> forecast(Graph graph, const TensorSource* weights,
                                const CompileOptions& options, const Runtime& runtime) {
  EF_TRY(graph, checked_and_prepared(std::move(graph), weights, options));
  const std::vector<BandGroup> chains =
      find_bands(graph, bands_of(options), runtime.isa, runtime.pool->threads());
  const MemoryPlan plan = plan_memory(graph, inputs_named(graph, options.held_inputs), chains);
  WeightStore store(weights);
  return measure(graph, chains, plan, store, runtime);
}

Result<Program> compile(Graph graph, const TensorSource& weights, const CompileOptions& options,
                        const Runtime& runtime) {
  auto state = std::make_unique<Program::State>();
  EF_TRY(state->graph, checked_and_prepared(std::move(graph), &weights, options));
  state->observe = options.observe;
  const std::vector<ValueId> held = inputs_named(state->graph, options.held_inputs);
  state->chains = find_bands(state->graph, bands_of(options), runtime.isa, runtime.pool->threads());
  state->plan = plan_memory(state->graph, held, state->chains);
  state->weights = std::make_unique<WeightStore>(&weights);
  state->memory = measure(state->graph, state->chains, state->plan, *state->weights, runtime);
  try {
    state->arena = Arena(static_cast<size_t>(state->memory.arena_bytes));
    state->scratch = Arena(static_cast<size_t>(state->memory.scratch_bytes));
    const auto pack = [&] {
      Lowering lowering(state->graph, state->plan, *state->weights, runtime);
      lower_steps(state->graph, state->chains, lowering);  // the steps are worth nothing
    };
    EF_TRY_STATUS(place_weights(*state->weights, state->graph.name(), options, pack));
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::resource_exhausted, state->graph.name() + ": no memory for " +
                                                   std::to_string(state->memory.total() >> 20) +
                                                   " MiB");
  }
  Lowering lowering(state->graph, state->plan, *state->weights, runtime);
  lowering.set_arena(state->arena.at(0));
  state->steps = lower_steps(state->graph, state->chains, lowering);
  state->scratch_per_thread = lowering.scratch_per_thread();
  for (const Step& step : state->steps) state->entries += step.parts.size();
  if (options.resident_weight_bytes) {
    choose_streamed(state->steps, *options.resident_weight_bytes, state->memory.largest_step_bytes);
  }
  for (const ValueId value : state->graph.inputs()) {
    if (std::ranges::count(held, value) != 0) {
      state->held_ports.push_back(state->port(value, state->held_infos));
    } else {
      state->input_ports.push_back(state->port(value, state->input_infos));
    }
  }
  for (const ValueId value : state->graph.outputs()) {
    state->output_ports.push_back(state->port(value, state->output_infos));
  }
  state->macs = graph::graph_cost(state->graph).macs;
  return Program(std::move(state));
}

}  // namespace edgefusion::engine
