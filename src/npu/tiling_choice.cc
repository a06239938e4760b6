#include "npu/tiling_choice.h"

#include <algorithm>
#include <limits>
#include <string>

#include "npu/simulate.h"
#include "npu/tile_boxes.h"

namespace edgefusion::npu {
namespace {

constexpr size_t kSampledTiles = 4;       // the first fills the pipeline, two more tell the pace
constexpr size_t kMostSampledTiles = 24;  // of one part, where parts are outside
constexpr int kPatience = 2;  // tile sizes without gain before smaller ones are given up

/// Up to where the slots from `first` on reach.
int64_t top_of(const Schedule& schedule, size_t first) {
  int64_t top = 0;
  for (size_t i = first; i < schedule.slots.size(); ++i) {
    top = std::max(top, schedule.slots[i].offset + schedule.slots[i].bytes);
  }
  return top;
}

/// Cycles of `total` rounds from the ends of the first; a_part: rounds of one part of the result, 0
/// where parts are not outside.
double extrapolated(const std::vector<double>& ends, size_t total, size_t a_part) {
  const size_t known = ends.size();
  if (known == total) return ends.back();
  const auto pace = [&](size_t last) {
    return last < 2 ? ends[last] : (ends[last] - ends[last - 2]) / 2;
  };
  if (a_part == 0) return ends.back() + static_cast<double>(total - known) * pace(known - 1);
  const size_t sampled = std::min(a_part, known);
  double one = ends[sampled - 1];
  if (a_part > sampled) one += static_cast<double>(a_part - sampled) * pace(sampled - 1);
  return one * static_cast<double>(total) / static_cast<double>(a_part);
}

}  // namespace

std::optional<TilingChoice> estimate(const Device& device, const Work& work,
                                     const GroupShape& shape, const GroupPlace& place,
                                     const Tiling& tiling, bool all_tiles) {
  Schedule schedule;
  schedule.slots = place.resident_slots;
  schedule.groups = 1;
  GroupSetting setting{.shape = &shape,
                       .tiling = tiling,
                       .residents = place.residents,
                       .memory_limit = place.memory_limit};
  size_t a_part = 0;  // rounds of one part of the result
  if (!all_tiles) {
    setting.all_sizes = false;
    setting.most_tiles = kSampledTiles;
    if (tiling.parts_outer) {
      a_part = tiles(work, shape, tiling).size();
      setting.most_tiles = std::min(a_part, kMostSampledTiles) + 1;
    }
  }
  const auto emitted = emit_group(device, work, setting, schedule);
  if (!emitted) return std::nullopt;
  const std::vector<double> ends = simulated_ends(device, work, schedule, emitted->ends);
  TilingChoice result{.tiling = tiling};
  result.bytes = top_of(schedule, place.resident_slots.size());
  result.cycles = extrapolated(ends, emitted->total, a_part);
  return result;
}

namespace {

/// Goes through candidates, largest first, and leaves out what cannot be better than what it saw.
class Choosing {
 public:
  Choosing(const Device& device, bool all) : device_(device), all_(all) {}

  /// Whether nothing more is worth a look.
  bool is_over(const Tiling& tiling) {
    if (!same_size(tiling)) {
      without_gain_ = gained_ ? 0 : without_gain_ + (fits_ ? 1 : 0);
      fits_ = gained_ = false;
    }
    return !all_ && without_gain_ >= kPatience;
  }

  bool is_worth(const Tiling& tiling) {
    const bool same_but_parts = same_size(tiling) && same_family(tiling);
    if (!same_but_parts) parts_that_fit_ = 0;
    before_ = tiling;
    begun_ = true;
    if (all_) return true;
    // Smaller parts only help where reading them hides behind work.
    if (parts_that_fit_ >= (device_.concurrent ? 2 : 1)) return false;
    // Blocks of keys cost more than whole rows that fit, one buffer more than two.
    const bool is_second_choice =
        tiling.key_block > 0 || (device_.concurrent && !tiling.double_buffered);
    return !fits_ || !is_second_choice;
  }

  void saw(const TilingChoice& choice) {
    fits_ = true;
    ++parts_that_fit_;
    if (!is_better(choice)) return;
    best_ = choice;
    found_ = gained_ = true;
  }

  bool is_better(const TilingChoice& choice) const {
    return !found_ || choice.cycles < best_.cycles;
  }

  std::optional<TilingChoice> best() const {
    if (!found_) return std::nullopt;
    return best_;
  }

 private:
  bool same_size(const Tiling& tiling) const {
    return begun_ && before_.items == tiling.items && before_.lines == tiling.lines &&
           before_.columns == tiling.columns;
  }
  bool same_family(const Tiling& tiling) const {
    Tiling other = before_;
    other.part_bytes = tiling.part_bytes;
    return other == tiling;
  }

  const Device& device_;
  bool all_;
  Tiling before_;
  TilingChoice best_;
  bool begun_ = false, found_ = false;
  int without_gain_ = 0, parts_that_fit_ = 0;
  bool fits_ = false, gained_ = false;
};

}  // namespace

namespace {

/// Up to where the slots of the largest tiles reach; nothing where they do not fit.
std::optional<int64_t> bytes_taken(const Device& device, const Work& work, const GroupShape& shape,
                                   const GroupPlace& place, const Tiling& tiling) {
  Schedule schedule;
  schedule.slots = place.resident_slots;
  const GroupSetting setting{.shape = &shape,
                             .tiling = tiling,
                             .group = 0,
                             .residents = place.residents,
                             .memory_limit = place.memory_limit,
                             .most_tiles = 1,
                             .all_sizes = true};
  if (!emit_group(device, work, setting, schedule)) return std::nullopt;
  return top_of(schedule, place.resident_slots.size());
}

}  // namespace

std::optional<TilingChoice> choose_tiling(const Device& device, const Work& work,
                                          const GroupShape& shape, const GroupPlace& place,
                                          const ChoiceOptions& options) {
  Choosing choosing(device, options.all);
  const bool attends = std::ranges::any_of(shape.stages, &Stage::is_attention);
  for (const Tiling& tiling : tiling_candidates(device, work, shape, place.memory_limit)) {
    const bool is_given = attends && options.attention_rows > 0;
    const bool as_given = tiling.lines * tiling.columns == options.attention_rows && !tiling.online;
    if (is_given && !as_given) continue;
    if (choosing.is_over(tiling)) break;
    if (!choosing.is_worth(tiling)) continue;
    auto choice = estimate(device, work, shape, place, tiling, options.all);
    if (!choice) continue;
    // The few tiles an estimate looks at may have been smaller than others.
    if (!options.all && choosing.is_better(*choice)) {
      const auto bytes = bytes_taken(device, work, shape, place, tiling);
      if (!bytes) continue;
      choice->bytes = *bytes;
    }
    choosing.saw(*choice);
  }
  return choosing.best();
}

tl::unexpected<Error> no_tiling_fits(const Device& device, const Work& work, OpId op) {
  OpId first = op;
  OpId end = op + 1;
  if (work.op(op).kind == OpKind::scores) end = op + 3;
  auto shape = group_shape(work, first, end);
  int64_t least = std::numeric_limits<int64_t>::max();
  const GroupPlace place{.resident_slots = {}, .residents = {}, .memory_limit = least};
  for (const Tiling& tiling : tiling_candidates(device, work, *shape, device.memory.bytes)) {
    Schedule schedule;
    const GroupSetting setting{.shape = &*shape,
                               .tiling = tiling,
                               .residents = {},
                               .memory_limit = place.memory_limit,
                               .most_tiles = 1};
    if (!emit_group(device, work, setting, schedule)) continue;
    least = std::min(least, top_of(schedule, 0));
  }
  return fail(ErrorCode::resource_exhausted,
              device.name + ": " + work.name + ": " + work.op(op).name + " (" +
                  std::string(to_string(work.op(op).kind)) + "): its smallest tile takes " +
                  std::to_string(least) + " bytes on the chip, which has " +
                  std::to_string(device.memory.bytes));
}

}  // namespace edgefusion::npu
