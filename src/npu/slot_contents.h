#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/result.h"
#include "npu/box_set.h"
#include "npu/schedule.h"
#include "npu/work.h"

// What verify() knows of on-chip memory while it walks a schedule.

namespace edgefusion::npu {

/// Sums over places (group_stats, of one batch item) or keys (mix, of one head) that are not
/// complete; their elements count as written only when they are.
struct OpenSum {
  Box out;
  std::vector<BoxSet> taken;  ///< of each operand that is summed over
  int64_t state = 0;          ///< of the online softmax whose results it takes, or 0
  int steps = 0;              ///< after how many blocks of keys that state had this sum's maximum
};

/// Maximum and sum of an online softmax, of one head.
struct OnlineState {
  int64_t id = 0;
  Box box;  ///< of the state's tensor
  int steps = 0;
  BoxSet keys;  ///< as channels of the scores
};

/// What an online softmax made of a block of keys: not divided by the sum, relative to the maximum
/// after `steps` blocks. Only a mix that goes on with the same state may take it.
struct OnlineScores {
  Box box;
  int64_t state = 0;
  int steps = 0;
};

/// What a slot holds.
struct Content {
  bool alive = false;  ///< false: nothing yet, or overwritten
  int overwritten_by = -1;
  TensorId tensor = kNoTensor;
  Box held;
  BoxSet written;
  std::vector<OpenSum> sums;
  std::vector<OnlineState> states;
  std::vector<OnlineScores> online;
};

/// "slot 3 (conv1 weights)"
std::string name_of(const Schedule& schedule, int slot);

/// Contents of all slots. Those alive never share a byte: what begins in a slot ends what lay on
/// its bytes.
class SlotContents {
 public:
  /// Slots lie within memory. All three must outlive this.
  SlotContents(const Work& work, const Schedule& schedule);

  /// Errors: the slot holds something else, or nothing any more. The access has been checked to lie
  /// within slots and tensors, here and below.
  Result<Content*> find(const Access& access);
  /// As find(), and every element of its box was written.
  Status check_read(const Access& access);
  /// The content a write goes to: the one that is there if it is the same, else a new one.
  Content& open(const Access& access);
  /// A write of whole values: what was summed there before is lost.
  void write(const Access& access);

 private:
  void end_contents_on(const Slot& slot, int by);

  const Work& work_;
  const Schedule& schedule_;
  std::vector<Content> contents_;
  std::map<int64_t, int> alive_;  // by offset: slots whose content is alive
};

}  // namespace edgefusion::npu
