#include "npu/tiling_candidates.h"

#include <algorithm>
#include <utility>

namespace edgefusion::npu {
namespace {

constexpr int64_t kMostParts = 64;  // of one op's weights,
constexpr size_t kFewSizes = 2;     // but so many sizes of parts are tried anyway

/// Places of a tile.
struct TileSize {
  int64_t items, lines, columns;
};

std::vector<TileSize> tile_sizes(const Work& work, const GroupShape& shape) {
  const auto& extent = work.tensor(shape.anchor).extent;
  std::vector<TileSize> sizes = {{extent[kBatch], extent[kLines], extent[kColumns]}};
  if (shape.one_tile || shape.on_host) return sizes;
  if (extent[kBatch] > 1) sizes.push_back({1, extent[kLines], extent[kColumns]});
  const auto halves = [](int64_t places, const auto& add) {
    for (int64_t parts = 2; parts < 2 * places; parts *= 2) {
      const int64_t size = (places + parts - 1) / parts;
      add(size);
      if (size == 1) return;
    }
  };
  halves(extent[kLines], [&](int64_t lines) { sizes.push_back({1, lines, extent[kColumns]}); });
  halves(extent[kColumns], [&](int64_t columns) { sizes.push_back({1, 1, columns}); });
  return sizes;
}

/// Weights (keys and values) of each op that has some, least first.
std::vector<std::pair<int64_t, OpId>> held_bytes(const Work& work, const GroupShape& shape) {
  std::vector<std::pair<int64_t, OpId>> all;
  for (OpId id = shape.first; id < shape.end; ++id) {
    int64_t bytes = 0;
    for (size_t i = 0; i < work.op(id).operands.size(); ++i) {
      const Operand& operand = work.op(id).operands[i];
      if (operand.reach == Reach::whole || !is_part(shape, work.op(id), operand)) continue;
      const Box all_out = work.tensor(work.op(id).output).box();
      bytes += work.tensor(operand.tensor).bytes(needed(work, work.op(id), i, all_out));
    }
    if (bytes > 0) all.emplace_back(bytes, id);
  }
  std::ranges::sort(all);
  return all;
}

/// Which weights stay: none, all, or the smaller ones up to some share of the memory.
std::vector<std::vector<OpId>> held_choices(const std::vector<std::pair<int64_t, OpId>>& weights,
                                            int64_t memory_limit) {
  std::vector<std::vector<OpId>> choices = {{}};
  for (const double part : {0.25, 0.5, 0.8}) {
    std::vector<OpId> held;
    auto left = static_cast<int64_t>(part * static_cast<double>(memory_limit));
    for (const auto& [bytes, id] : weights) {
      if (bytes > left) break;
      left -= bytes;
      held.push_back(id);
    }
    std::ranges::sort(held);
    if (std::ranges::count(choices, held) == 0) choices.push_back(held);
  }
  std::ranges::reverse(choices);
  return choices;
}

struct AttentionChoice {
  int64_t heads = 1, key_block = 0;
  bool online = false;
};

/// About `wanted` keys that are a box: whole lines, or an equal part of one.
int64_t key_block(int64_t wanted, int64_t columns) {
  if (columns <= wanted) return wanted / columns * columns;
  return columns % wanted == 0 ? wanted : columns;
}

std::vector<AttentionChoice> attention_choices(const Work& work, const GroupShape& shape) {
  int64_t heads = 0, keys = 0, columns = 1;
  bool takes_keys = false;
  for (const Stage& stage : shape.stages) {
    if (stage.is_attention()) {
      const TensorId k = work.op(stage.first).operands[1].tensor;
      columns = std::max(columns, work.tensor(k).extent[kColumns]);
    }
    heads = std::max(heads, work.op(stage.first).keys > 0 ? work.op(stage.first).heads : 0);
    keys = std::max(keys, work.op(stage.first).keys);
    const OpKind kind = work.op(stage.first).kind;
    takes_keys = takes_keys || kind == OpKind::scores || kind == OpKind::mix;
  }
  if (heads == 0) return {{}};
  std::vector<AttentionChoice> choices = {{.heads = 1}};
  if (heads > 1) choices.push_back({.heads = heads});
  for (const int64_t wanted : {int64_t{1024}, int64_t{256}, int64_t{64}}) {
    const int64_t block = key_block(wanted, columns);
    if (!takes_keys || keys <= block) continue;
    choices.push_back({.heads = 1, .key_block = block});
    const bool whole = shape.end - shape.first > 1;  // not one op alone
    if (whole) choices.push_back({.heads = 1, .key_block = block, .online = true});
  }
  return choices;
}

/// Ring sizes: everything at once, or less, as long as the largest weights come in no more than
/// kMostParts.
std::vector<int64_t> part_choices(int64_t largest, int64_t memory_limit) {
  if (largest == 0) return {0};
  std::vector<int64_t> choices;
  if (largest <= memory_limit) choices.push_back(0);
  for (int64_t bytes = memory_limit / 4; bytes > 0; bytes /= 4) {
    if (choices.size() >= kFewSizes && bytes * kMostParts < largest) break;
    if (bytes < largest) choices.push_back(bytes);
    if (bytes < 4096) break;
  }
  return choices;
}

/// Ways of one tile size to bring weights, keys and values.
class PartWays {
 public:
  PartWays(const Work& work, const GroupShape& shape, int64_t memory_limit)
      : weights_(held_bytes(work, shape)),
        held_(held_choices(weights_, memory_limit)),
        may_be_outside_(shape.stages.size() == 1 && !shape.on_host) {
    const int64_t largest = weights_.empty() || shape.on_host ? 0 : weights_.back().first;
    bytes_ = part_choices(largest, memory_limit);
  }

  /// `one_tile`: nothing is read twice anyway.
  void add(const Tiling& tiling, bool one_tile, std::vector<Tiling>& all) const {
    for (const auto& held : held_) {
      if (!one_tile || held.empty()) add_parts(tiling, held, all);
    }
    if (!may_be_outside_) return;
    Tiling outer = tiling;
    outer.parts_outer = true;
    add_parts(outer, {}, all);
  }

 private:
  void add_parts(Tiling tiling, const std::vector<OpId>& held, std::vector<Tiling>& all) const {
    tiling.held = held;
    const bool all_held = !held.empty() && held.size() == weights_.size();
    for (const int64_t bytes : bytes_) {
      tiling.part_bytes = bytes;
      all.push_back(tiling);
      if (all_held) return;
    }
  }

  std::vector<std::pair<int64_t, OpId>> weights_;
  std::vector<std::vector<OpId>> held_;
  std::vector<int64_t> bytes_;
  bool may_be_outside_;
};

}  // namespace

std::vector<Tiling> tiling_candidates(const Device& device, const Work& work,
                                      const GroupShape& shape, int64_t memory_limit) {
  const PartWays ways(work, shape, memory_limit);
  const auto attention = attention_choices(work, shape);
  const auto& whole = work.tensor(shape.anchor).extent;
  std::vector<Tiling> all;
  for (const TileSize& size : tile_sizes(work, shape)) {
    const bool one_tile = size.items == whole[kBatch] && size.lines == whole[kLines] &&
                          size.columns == whole[kColumns];
    Tiling tiling;
    tiling.items = size.items, tiling.lines = size.lines, tiling.columns = size.columns;
    for (const AttentionChoice& attends : attention) {
      tiling.heads = attends.heads, tiling.key_block = attends.key_block;
      tiling.online = attends.online;
      for (const bool buffered : {true, false}) {
        // Where nothing runs at the same time, a second buffer only takes room.
        if (buffered && !device.concurrent) continue;
        tiling.double_buffered = buffered;
        ways.add(tiling, one_tile, all);
      }
    }
  }
  return all;
}

}  // namespace edgefusion::npu
