#pragma once

#include "core/result.h"
#include "npu/device.h"
#include "npu/schedule.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// Rescale and finish: vector engines go over the sums, nothing is multiplied by values.
inline bool corrects_sums(const Command& command) {
  return command.part == Part::rescale || command.part == Part::finish;
}

/// What can be said of one command without knowing what slots hold. Errors: one line, without the
/// command's name. Nothing of a command is used before it has been looked at.
class CommandChecker {
 public:
  /// All three must outlive this; slots have been checked.
  CommandChecker(const Device& device, const Work& work, const Schedule& schedule)
      : device_(device), work_(work), schedule_(schedule) {}

  /// A tensor and a part of it, in DRAM or in a slot that is there, large enough and of this group.
  Status check_access(const Command& command, const Access& access) const;
  /// Of loads and stores: one read, one write, of the same elements.
  Status check_transfer(const Command& command) const;
  /// An engine of the device does it.
  Status check_engine(const Command& command, const Op& op) const;
  /// The part of the result is one, and the op can be made in such parts.
  Status check_part(const Command& command, const Op& op) const;
  /// A result does not destroy what its command still reads. Accesses have been checked.
  Status check_overwriting(const Command& command, const Op& op, const Access& write) const;

 private:
  Status check_vector_rate(VectorOp op) const;
  Status check_epilogue(const Op& op) const;
  const Slot& slot(int index) const { return schedule_.slots[static_cast<size_t>(index)]; }
  bool is_tensor(TensorId id) const {
    return id >= 0 && static_cast<size_t>(id) < work_.tensors.size();
  }

  const Device& device_;
  const Work& work_;
  const Schedule& schedule_;
};

}  // namespace edgefusion::npu
