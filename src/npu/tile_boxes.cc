#include "npu/tile_boxes.h"

#include <algorithm>

namespace edgefusion::npu {
namespace {

/// [begin, end) of `extent` places as the same share of `other` places.
void share(Box& box, Axis axis, const Box& tile, int64_t extent, int64_t other) {
  box.begin[axis] = tile.begin[axis] * other / extent;
  box.end[axis] = tile.end[axis] * other / extent;
}

}  // namespace

std::vector<Box> tiles(const Work& work, const GroupShape& shape, const Tiling& tiling) {
  const Box whole = work.tensor(shape.anchor).box();
  std::vector<Box> all;
  const auto next = [](int64_t begin, int64_t step, int64_t end) {
    return std::min(begin + std::max<int64_t>(step, 1), end);
  };
  for (int64_t n = 0; n < whole.end[kBatch]; n = next(n, tiling.items, whole.end[kBatch])) {
    for (int64_t h = 0; h < whole.end[kLines]; h = next(h, tiling.lines, whole.end[kLines])) {
      for (int64_t w = 0; w < whole.end[kColumns];) {
        const int64_t end = next(w, tiling.columns, whole.end[kColumns]);
        all.push_back(whole.with(kBatch, n, next(n, tiling.items, whole.end[kBatch]))
                          .with(kLines, h, next(h, tiling.lines, whole.end[kLines]))
                          .with(kColumns, w, end));
        w = end;
      }
    }
  }
  return all;
}

Box own_share(const Work& work, const GroupShape& shape, TensorId tensor, const Box& tile) {
  Box box = work.tensor(tensor).box();
  const Box& anchor = work.tensor(shape.anchor).box();
  for (const Axis axis : {kBatch, kLines, kColumns}) {
    if (box.end[axis] == 1 && anchor.end[axis] > 1) continue;  // one place for all
    share(box, axis, tile, anchor.end[axis], box.end[axis]);
  }
  if (tensor == shape.anchor) box = box.with(kChannels, tile.begin[kChannels], tile.end[kChannels]);
  return box;
}

std::vector<Box> tile_boxes(const Work& work, const GroupShape& shape, const Box& tile) {
  std::vector<Box> boxes(shape.tensors.size());
  for (size_t i = 0; i < boxes.size(); ++i) {
    const GroupTensor& tensor = shape.tensors[i];
    if (tensor.role == Role::vector) boxes[i] = work.tensor(tensor.tensor).box();
    if (tensor.leaves) boxes[i] = own_share(work, shape, tensor.tensor, tile);
  }
  for (OpId id = shape.end - 1; id >= shape.first; --id) {
    const Op& op = work.op(id);
    const Box out = boxes[static_cast<size_t>(shape.index_of(op.output))];
    if (out.empty()) continue;
    for (size_t i = 0; i < op.operands.size(); ++i) {
      if (is_part(shape, op, op.operands[i])) continue;
      const int index = shape.index_of(op.operands[i].tensor);
      Box& box = boxes[static_cast<size_t>(index)];
      const Box part = op.kind == OpKind::group_stats
                           ? own_share(work, shape, op.operands[i].tensor, tile)
                           : needed(work, op, i, out);
      box = box.hull(part);
    }
  }
  return boxes;
}

}  // namespace edgefusion::npu
