#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/runtime.h"
#include "core/tensor.h"
#include "engine/packed_regions.h"
#include "graph/graph.h"
#include "graph/passes/passes.h"
#include "graph/quantization.h"

namespace edgefusion::engine {

/// Arithmetic of the matrix ops and storage of activations.
/// int8: layers as CompileOptions::quantization says, the rest as bf16.
enum class Precision : uint8_t { f32, bf16, int8 };

std::string_view to_string(Precision precision);
/// "auto" is bf16 where the CPU multiplies it natively, else f32. Errors: unknown, with the list.
Result<Precision> parse_precision(std::string_view name, IsaSet isa);

/// Chains of picture ops run a few lines at a time, so that what lies between them never becomes a
/// whole picture. The bits are those of whole pictures.
struct BandOptions {
  bool enabled = true;
  /// Lines of a chain's widest picture made at a time. 0: by the size of the cache, and only for
  /// chains that gain from it; given, for all of them.
  int64_t lines = 0;
};

struct CompileOptions {
  Precision precision = Precision::f32;
  /// Inner values to keep and give out beside the graph's outputs, by name.
  std::vector<std::string> taps;
  /// Inputs that Program::hold() gives once for many runs, by name; they must be there.
  std::vector<std::string> held_inputs;
  BandOptions bands = {};
  /// Of precision int8; must outlive the call. nullptr: nothing is quantised.
  const graph::NetworkQuantization* quantization = nullptr;
  /// Called after each step with the values it made, and before the first one with the inputs;
  /// the graph has f32 values then, and chains do not run in bands.
  std::function<void(std::string_view name, const ConstTensorView& value)> observe = {};
  /// Where packed weights are kept between runs; nullptr: nowhere, they are packed each time.
  PackedRegions* regions = nullptr;
  /// At most so much of the packed weights stays in memory; the rest is read from the kept region
  /// at each run, step by step. Needs `regions`. Below MemoryForecast::largest_step_bytes: one
  /// step.
  std::optional<int64_t> resident_weight_bytes = {};
};

/// The graph as compile() makes it, fused and with stored types; for whoever decides about layers.
/// A quantisation that does not fit it is a bug of the caller here, and an error of compile().
graph::Graph prepared(graph::Graph graph, const CompileOptions& options);

/// The passes compile() runs beside those every graph goes through: what the kernels take.
graph::OptimizeOptions optional_passes(Precision precision);

/// Memory a Program of this graph takes, known before anything is allocated.
struct MemoryForecast {
  int64_t weight_bytes = 0;   ///< packed weights
  int64_t arena_bytes = 0;    ///< activations, by the memory plan
  int64_t scratch_bytes = 0;  ///< per-thread work space
  int64_t total() const { return weight_bytes + arena_bytes + scratch_bytes; }

  int64_t largest_step_bytes = 0;  ///< packed weights of the step that has most
  int64_t packing_bytes = 0;       ///< while a kept region is written, before the rest is touched
  /// The least it can run in, with nothing but one step's weights in memory.
  int64_t streamed_total() const {
    return std::max(packing_bytes, largest_step_bytes + arena_bytes + scratch_bytes);
  }
  /// Of two Programs in memory together, one of which runs at a time.
  MemoryForecast operator+(const MemoryForecast& other) const {
    return {.weight_bytes = weight_bytes + other.weight_bytes,
            .arena_bytes = arena_bytes + other.arena_bytes,
            .scratch_bytes = scratch_bytes + other.scratch_bytes,
            .largest_step_bytes = std::max(largest_step_bytes, other.largest_step_bytes),
            .packing_bytes = std::max(packing_bytes, other.packing_bytes)};
  }
};

struct TensorInfo {
  std::string name;
  Shape shape;  ///< channels last
  DType dtype = DType::f32;
};

/// One node that runs, for bench and profile. In a chain several take turns, band by band.
struct StepInfo {
  std::string name;                       ///< the value it makes
  std::string op_class;                   ///< as graph::op_class gives it
  Precision arithmetic = Precision::f32;  ///< of its products
  int chain = -1;                         ///< number of the chain it is in; -1: none
  int64_t macs = 0;
  /// Every value once, as it is stored, and packed weights.
  int64_t read_bytes = 0, written_bytes = 0;
  int64_t weight_bytes = 0;  ///< of what it reads
};

/// A piece of the arena, and the first and last of the steps while its contents matter.
struct PlannedBuffer {
  std::string name;  ///< the first value in it
  int64_t bytes = 0, offset = 0;
  int first_step = 0, last_step = 0;
};

/// One executed step.
struct StepTime {
  std::string name;      ///< the value it makes
  std::string op_class;  ///< as graph::op_class gives it
  int64_t macs = 0;
  double seconds = 0;
};

/// A graph made ready for one machine: kernels chosen, weights packed, memory planned.
class Program {
 public:
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  /// What run() takes, and what hold() takes before the first run.
  std::span<const TensorInfo> inputs() const;
  std::span<const TensorInfo> held_inputs() const;
  /// The graph's outputs, then the taps.
  std::span<const TensorInfo> outputs() const;
  const MemoryForecast& memory() const;
  int64_t macs() const;
  const std::string& name() const;  ///< the graph's

  /// In the order in which they (first) run. Made when asked for.
  std::vector<StepInfo> steps() const;
  std::vector<PlannedBuffer> buffers() const;

  /// Copies a held input to its place, where it stays for all runs until given anew. Of the
  /// declared name, shape and dtype (a mismatch is a bug of the caller).
  void hold(std::string_view name, const ConstTensorView& value);

  /// Runs once. inputs and outputs in declared order, with the declared shapes and dtypes (a
  /// mismatch is a bug of the caller). Same inputs give the same bits for any number of threads.
  /// One run at a time. `times`, if given, receives one entry per step; the pool's trace, if it has
  /// one, a span of the run, of each step, and of the copies around them.
  void run(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
           ThreadPool& pool, std::vector<StepTime>* times = nullptr);

 private:
  friend Result<Program> compile(graph::Graph, const TensorSource&, const CompileOptions&,
                                 const Runtime&);
  struct State;
  explicit Program(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Optimises the graph, plans memory and packs the weights (dropping each source tensor's pages
/// once packed), or maps them as an earlier run packed them. Errors: a tap that names no value
/// (with the nearest name), a quantisation that fits neither the layers nor the codes of their
/// weights, a weight dtype the kernels do not take, out of memory, weights that are to be read step
/// by step and cannot be kept.
Result<Program> compile(graph::Graph graph, const TensorSource& weights,
                        const CompileOptions& options, const Runtime& runtime);

/// What compile() would take, without weights and without allocating.
Result<MemoryForecast> forecast(graph::Graph graph, const TensorSource* weights,
                                const CompileOptions& options, const Runtime& runtime);

}  // namespace edgefusion::engine
