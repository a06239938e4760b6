#pragma once

#include <optional>
#include <vector>

#include "npu/plan.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// How a group gets at a tensor whose places go along with its tiles.
enum class Role : uint8_t {
  tile,    ///< from outside, the places a tile needs
  inner,   ///< made in the group
  vector,  ///< from outside, one place for all: loaded once
};

struct GroupTensor {
  TensorId tensor = kNoTensor;
  Role role = Role::tile;
  OpId last_user = -1;  ///< in the group
  bool leaves = false;  ///< inner: somebody outside wants it, or it is an output of the network
};

/// One op, or scores, softmax and mix of an attention together.
struct Stage {
  OpId first = 0, end = 0;
  bool is_attention() const { return end - first == 3; }
};

/// What a range of ops has and needs.
struct GroupShape {
  OpId first = 0, end = 0;
  std::vector<Stage> stages;
  std::vector<GroupTensor> tensors;  ///< in order of use; not what comes in parts (is_part())
  TensorId anchor = kNoTensor;       ///< the last result that has places: tiles are parts of it
  bool one_tile = false;             ///< some op needs all of what another makes here
  bool on_host = false;

  const GroupTensor* find(TensorId tensor) const;
  int index_of(TensorId tensor) const;  ///< -1: not of this group
};

/// The shape of ops [first, end), or nothing where they cannot be a group: a host op beside others,
/// an attention that is cut (unless it is one op alone).
std::optional<GroupShape> group_shape(const Work& work, OpId first, OpId end);

/// Whether an operand is weights, keys or a mask from outside the group: not tiled by places.
bool is_part(const GroupShape& shape, const Op& op, const Operand& operand);

/// The parts (output channels) an op's result can be made in: heads where there are some.
int64_t chunk_unit(const Work& work, const Op& op);

}  // namespace edgefusion::npu
