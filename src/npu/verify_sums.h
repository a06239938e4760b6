#pragma once

#include <cstdint>

#include "core/result.h"
#include "npu/schedule.h"
#include "npu/slot_contents.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// Follows what is summed over several commands: statistics of group norms, attention over blocks
/// of keys, online softmax. Accesses have been checked to lie within slots, tensors and what ops
/// need; errors are one line.
class SumChecker {
 public:
  SumChecker(const Work& work, SlotContents& contents) : work_(work), contents_(contents) {}

  /// Adds the places of each operand once; complete when all are in.
  Status add_statistics(const Command& command, const Op& op);
  /// First and more: a block of keys changes the state.
  Status go_on_softmax(const Command& command, const Op& op);
  /// All, first and more: adds a block of keys once.
  Status add_keys(const Command& command, const Op& op);
  /// Rescale and finish.
  Status correct(const Command& command, const Op& op);

 private:
  Status add_keys_of_head(const Command& command, const Op& op, int64_t head, const Box& out,
                          Content& scores);
  Result<const OnlineState*> find_state(const Access& access, const Box& box);
  Status correct_head(const Command& command, const Op& op, const Box& out, Content& sums,
                      const OnlineState& state);

  const Work& work_;
  SlotContents& contents_;
  int64_t states_ = 0;
};

}  // namespace edgefusion::npu
