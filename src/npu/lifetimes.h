#pragma once

#include <string>
#include <vector>

#include "npu/device.h"
#include "npu/plan.h"
#include "npu/schedule.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// From which group to which a plan's tensors are wanted, and what takes the memory meanwhile.
class Lifetimes {
 public:
  Lifetimes(const Device& device, const Work& work, const Plan& plan, const Schedule& schedule);

  int group_of(OpId op) const { return group_of_[static_cast<size_t>(op)]; }
  int first_use(const NpuTensor& tensor) const;
  int last_use(const NpuTensor& tensor) const;
  /// "g012 down_blocks.0.resnets.0.conv1"
  std::string group_name(int group) const;
  /// "where 3.1 MB of 4.0 MB are taken: 2.2 MB by its tiles, 0.9 MB by 2 tensors that stay"
  std::string room(int group) const;
  /// Why a tensor that is made on the chip is not only there.
  std::string why_in_dram(TensorId id) const;

 private:
  struct Taken {
    int64_t tiles = 0;  ///< up to the end of the group's highest slot
    int64_t stays = 0, tensors = 0;
    TensorId largest = kNoTensor;  ///< of those that stay
    int64_t all() const { return tiles + stays; }
  };
  const Residence* residence(TensorId id) const;
  /// The group in which the least is free, while the tensor waits.
  int fullest(int first, int last) const;

  const Device& device_;
  const Work& work_;
  const Plan& plan_;
  std::vector<int> group_of_;
  std::vector<Taken> taken_;  ///< of each group
};

}  // namespace edgefusion::npu
