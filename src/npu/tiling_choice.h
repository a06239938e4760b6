#pragma once

#include <optional>
#include <vector>

#include "npu/device.h"
#include "npu/emit.h"
#include "npu/group_shape.h"
#include "npu/plan.h"
#include "npu/tiling_candidates.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// A group's setting but for its tiling.
struct GroupPlace {
  std::vector<Slot> resident_slots;  ///< placed; residents' slots are indices into these
  std::vector<Resident> residents;
  int64_t memory_limit = 0;
};

struct TilingChoice {
  Tiling tiling;
  double cycles = 0;
  int64_t bytes = 0;  ///< on the chip, beside what stays there
};

/// What a group that runs alone takes. Cycles: of all its tiles where they are few, else told from
/// the first. Nothing: it does not fit, or the tiling does not go with it.
std::optional<TilingChoice> estimate(const Device& device, const Work& work,
                                     const GroupShape& shape, const GroupPlace& place,
                                     const Tiling& tiling, bool all_tiles);

/// The best of them; nothing where none fits. `all`: looks at each, with all its tiles, where
/// otherwise smaller tiles are given up when they stop helping.
/// attention_rows: as in SearchOptions.
struct ChoiceOptions {
  bool all = false;
  int64_t attention_rows = 0;
};
std::optional<TilingChoice> choose_tiling(const Device& device, const Work& work,
                                          const GroupShape& shape, const GroupPlace& place,
                                          const ChoiceOptions& options = {});

/// Names the op and the bytes its smallest tile takes: resource_exhausted.
tl::unexpected<Error> no_tiling_fits(const Device& device, const Work& work, OpId op);

}  // namespace edgefusion::npu
