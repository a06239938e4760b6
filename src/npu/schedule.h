#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "npu/box.h"
#include "npu/work.h"

namespace edgefusion::npu {

constexpr int kDram = -1;

/// A place in on-chip memory that holds one part of a tensor at a time.
struct Slot {
  std::string label;  ///< "up_blocks.2.resnets.0.conv1 weights, 2 of 2"
  int64_t bytes = 0;
  int64_t offset = -1;  ///< given by the allocator
  int first_group = 0, last_group = 0;
  /// Within one group: the steps of a tile in which it is taken. Slots of several groups are taken
  /// throughout.
  int first_step = 0, last_step = 0;
  /// DMA fills it while engines work on others: it shares no bank with them.
  bool streamed = false;
};

/// A part of a tensor that a command reads or writes, in DRAM or in a slot. `held` is what the slot
/// holds then: dense, channels innermost, from the slot's first byte on; `box` lies within it. A
/// write whose `held` differs from what the slot held before begins a new content.
struct Access {
  int slot = kDram;
  TensorId tensor = kNoTensor;
  Box held;
  Box box;
};

enum class Action : uint8_t { load, store, compute, host };

/// How an op that sums over more than its tile goes on.
enum class Part : uint8_t {
  all,      ///< everything at once
  first,    ///< group_stats, mix: begins the sums. softmax: begins the state (online)
  more,     ///< group_stats, mix: adds to them. softmax: goes on from the state (online)
  rescale,  ///< mix: the sums so far times the state's last factor (online, a vector command)
  finish,   ///< mix: the sums divided by the state's sum (online, a vector command)
};

/// What one engine does at a time.
struct Command {
  Action action = Action::compute;
  int group = 0;
  OpId op = -1;  ///< of compute and host
  Part part = Part::all;
  Box out;  ///< the part of the op's result (compute, host) or of the tensor
  /// load, store: one each. compute: operands in the order of Op::operands, absent ones (empty
  /// boxes) included; group_stats: box tells which places are added. Online softmax reads the state
  /// after its operands (not if first) and writes result and state. mix: rescale and finish read
  /// the sums, then the state. With Part::more the write adds to what is there, which no read
  /// tells. A softmax may write where its scores were, a pointwise op where its operand was.
  std::vector<Access> reads;
  std::vector<Access> writes;
};

/// Everything an NPU does for one network, in an order in which it can run.
struct Schedule {
  std::vector<Slot> slots;
  std::vector<Command> commands;
  int groups = 0;
};

}  // namespace edgefusion::npu
