#pragma once

#include <vector>

#include "npu/group_shape.h"
#include "npu/plan.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// The tiles of a group, as parts of its anchor (all channels), in the order they run.
std::vector<Box> tiles(const Work& work, const GroupShape& shape, const Tiling& tiling);

/// What of a tensor belongs to a tile of the anchor: the same share of its lines and columns, so
/// that the tiles' shares cover it exactly once.
Box own_share(const Work& work, const GroupShape& shape, TensorId tensor, const Box& tile);

/// What a tile needs of each of the group's tensors (in their order), all channels: its own share
/// of what leaves the group, and what later ops need of it, halos included.
std::vector<Box> tile_boxes(const Work& work, const GroupShape& shape, const Box& tile);

}  // namespace edgefusion::npu
