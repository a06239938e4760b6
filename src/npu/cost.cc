#include "npu/cost.h"

#include <algorithm>
#include <array>
#include <limits>

namespace edgefusion::npu {
namespace {

/// What is asked of an engine that cannot do it never ends.
constexpr double kForever = std::numeric_limits<double>::infinity();

int64_t divided_up(int64_t value, int64_t by) { return (value + by - 1) / by; }
int64_t rounded_up(int64_t value, int64_t step) { return divided_up(value, step) * step; }

/// rows x inputs times inputs x outputs, on an array whose sides these fill only in whole steps.
double array_macs(const TensorEngines& engines, int64_t rows, int64_t outputs, int64_t inputs) {
  return static_cast<double>(rounded_up(rows, engines.align_rows)) *
         static_cast<double>(rounded_up(outputs, engines.align_outputs)) *
         static_cast<double>(rounded_up(inputs, engines.align_inputs));
}

/// conv2d and linear: each source on its own, at each tap, for both halves where there is a gate.
double layer_macs(const TensorEngines& engines, const Op& op, const Box& out) {
  const int64_t taps = op.kind == OpKind::conv2d ? op.lines.extent * op.columns.extent : 1;
  const auto halves = std::ranges::count(op.operands, Reach::outputs, &Operand::reach);
  double macs = 0;
  for (const Operand& operand : op.operands) {
    if (operand.reach == Reach::outputs || operand.width == 0) continue;
    macs += array_macs(engines, out.places(), out.extent(kChannels), operand.width);
  }
  return macs * static_cast<double>(taps * halves);
}

/// Heads of `width` channels each that a part of a result takes; 1 for a part of a head.
int64_t heads_in(const Box& out, int64_t width) {
  return std::max<int64_t>(1, out.extent(kChannels) / width);
}

/// Channels of one head of what mix makes.
int64_t mix_width(const Work& work, const Op& op) {
  return work.tensor(op.output).extent[kChannels] / op.heads;
}

/// Keys of each head that this mix sums over.
int64_t mix_keys(const Work& work, const Op& op, const Command& command) {
  if (command.reads.empty()) return op.keys;
  return command.reads.front().box.extent(kChannels) / heads_in(command.out, mix_width(work, op));
}

double aligned_macs(const TensorEngines& engines, const Work& work, const Op& op,
                    const Command& command) {
  const Box& out = command.out;
  if (op.kind == OpKind::scores) {
    const int64_t heads = heads_in(out, op.keys);
    return static_cast<double>(heads) * array_macs(engines, out.places(),
                                                   out.extent(kChannels) / heads,
                                                   op.operands.front().width / op.heads);
  }
  if (op.kind == OpKind::mix) {
    const int64_t heads = heads_in(out, mix_width(work, op));
    return static_cast<double>(heads) * array_macs(engines, out.places(),
                                                   out.extent(kChannels) / heads,
                                                   mix_keys(work, op, command));
  }
  return layer_macs(engines, op, out);
}

void add_tensor_cost(const Device& device, const Work& work, const Command& command,
                     CommandCost& cost) {
  const Op& op = work.op(command.op);
  cost.macs = macs(work, op, command.out, op.kind == OpKind::mix ? mix_keys(work, op, command) : 0);
  const bool of_activations = op.kind == OpKind::scores || op.kind == OpKind::mix;
  const double rate = device.tensor.macs_per_cycle[static_cast<size_t>(op.arithmetic)] *
                      (of_activations ? device.tensor.activation_products : 1.0);
  cost.cycles = rate > 0 ? static_cast<double>(device.tensor.setup_cycles) +
                               aligned_macs(device.tensor, work, op, command) / rate
                         : kForever;
}

/// Cycles that one lane takes for an element of the command; forever if the device cannot.
double lane_cycles(const VectorEngines& engines, const Op& op) {
  const auto rate = [&](VectorOp what) {
    const double cycles = engines.cycles[static_cast<size_t>(what)];
    return cycles > 0 ? cycles : kForever;
  };
  if (op.kind == OpKind::mix) return rate(VectorOp::rescale);
  double cycles = rate(op.vector_op);
  if (op.then) cycles += rate(*op.then);
  if (op.kind == OpKind::layer_norm) cycles += rate(VectorOp::norm_stats);
  return cycles;
}

void add_vector_cost(const Device& device, const Work& work, const Command& command,
                     CommandCost& cost) {
  const Op& op = work.op(command.op);
  if (op.kind == OpKind::group_stats) {
    for (const Access& read : command.reads) cost.vector_elements += read.box.elements();
  } else {
    cost.vector_elements = command.out.elements();
  }
  cost.cycles = static_cast<double>(device.vector.setup_cycles);
  if (cost.vector_elements == 0) return;
  cost.cycles += static_cast<double>(divided_up(cost.vector_elements, device.vector.lanes)) *
                 lane_cycles(device.vector, op);
}

void add_traffic(const Work& work, const Command& command, CommandCost& cost) {
  const auto bytes = [&](const Access& access) {
    return access.tensor == kNoTensor ? 0 : work.tensor(access.tensor).bytes(access.box);
  };
  for (const Access& read : command.reads) {
    (read.slot == kDram ? cost.dram_bytes_read : cost.on_chip_bytes) += bytes(read);
  }
  for (const Access& write : command.writes) {
    (write.slot == kDram ? cost.dram_bytes_written : cost.on_chip_bytes) += bytes(write);
  }
}

double transfer_cycles(double bytes_per_cycle, const CommandCost& cost) {
  const int64_t bytes = cost.dram_bytes_read + cost.dram_bytes_written;
  return bytes_per_cycle > 0 ? static_cast<double>(bytes) / bytes_per_cycle : kForever;
}

}  // namespace

std::string_view to_string(EngineKind kind) {
  constexpr std::array<std::string_view, kEngineKinds> kNames = {"tensor", "vector", "dma", "host"};
  return kNames[static_cast<size_t>(kind)];
}

int unit_count(const Device& device, EngineKind kind) {
  switch (kind) {
    case EngineKind::tensor:
      return device.tensor.count;
    case EngineKind::vector:
      return device.vector.count;
    case EngineKind::dma:
      return device.dma.channels;
    case EngineKind::host:
      return 1;
  }
  return 1;
}

EngineKind engine_of(const Work& work, const Command& command) {
  if (command.action == Action::host) return EngineKind::host;
  if (command.action != Action::compute) return EngineKind::dma;
  const bool corrects = command.part == Part::rescale || command.part == Part::finish;
  return work.op(command.op).is_matrix() && !corrects ? EngineKind::tensor : EngineKind::vector;
}

CommandCost command_cost(const Device& device, const Work& work, const Command& command) {
  CommandCost cost{.engine = engine_of(work, command)};
  add_traffic(work, command, cost);
  switch (cost.engine) {
    case EngineKind::tensor:
      add_tensor_cost(device, work, command, cost);
      break;
    case EngineKind::vector:
      add_vector_cost(device, work, command, cost);
      break;
    case EngineKind::dma:
      cost.cycles = static_cast<double>(device.dma.setup_cycles) +
                    transfer_cycles(device.dma.bytes_per_cycle, cost);
      break;
    case EngineKind::host:
      cost.cycles = static_cast<double>(device.host.hand_over_cycles) +
                    transfer_cycles(device.host.bytes_per_cycle, cost);
      break;
  }
  return cost;
}

}  // namespace edgefusion::npu
