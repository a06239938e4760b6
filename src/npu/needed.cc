#include "npu/work.h"

namespace edgefusion::npu {
namespace {

/// [begin, end) under the windows of result places [from, to).
struct Range {
  int64_t begin = 0, end = 0;
};

Range under(const Op::Window& window, int64_t from, int64_t to, int64_t extent) {
  const int64_t first = std::max<int64_t>(0, from * window.step - window.before);
  const int64_t last =
      std::min((to - 1) * window.step - window.before + window.extent, extent * window.enlarge);
  if (last <= first) return {};
  return {first / window.enlarge, (last - 1) / window.enlarge + 1};
}

/// Nearest: result place h is operand place floor(h * in / out).
Range resized(int64_t from, int64_t to, int64_t in, int64_t out) {
  return {from * in / out, (to - 1) * in / out + 1};
}

Box with(const Box& box, Axis axis, Range range) { return box.with(axis, range.begin, range.end); }

/// The same places as `out`; one for all where the operand has only one.
Box same_places(const NpuTensor& operand, const Box& out) {
  Box box = operand.box();
  for (const Axis axis : {kBatch, kLines, kColumns}) {
    if (operand.extent[axis] != 1) box = box.with(axis, out.begin[axis], out.end[axis]);
  }
  return box;
}

Box window_places(const Op& op, const NpuTensor& operand, const NpuTensor& result, const Box& out) {
  const Box box = operand.box().with(kBatch, out.begin[kBatch], out.end[kBatch]);
  const auto range = [&](const Op::Window& window, Axis axis) {
    return op.kind == OpKind::resize
               ? resized(out.begin[axis], out.end[axis], operand.extent[axis], result.extent[axis])
               : under(window, out.begin[axis], out.end[axis], operand.extent[axis]);
  };
  return with(with(box, kLines, range(op.lines, kLines)), kColumns, range(op.columns, kColumns));
}

/// Keys [begin, end) as places of a tensor whose keys are its places in order: whole lines where
/// they are more than a part of one.
Box key_places(const NpuTensor& operand, const Box& out, Range keys) {
  const Box box = operand.box().with(kBatch, out.begin[kBatch], out.end[kBatch]);
  const int64_t columns = operand.extent[kColumns];
  const Range lines = {keys.begin / columns, (keys.end - 1) / columns + 1};
  if (lines.end - lines.begin > 1) return with(box, kLines, lines);
  const int64_t first = lines.begin * columns;
  return with(with(box, kLines, lines), kColumns, {keys.begin - first, keys.end - first});
}

/// Which heads channels [begin, end) of `width` a head belong to.
Range heads_of(const Box& out, int64_t width) {
  return {out.begin[kChannels] / width, (out.end[kChannels] - 1) / width + 1};
}

/// Scores [.., heads * keys]: q has the heads' channels, k those and the keys.
Box needed_by_scores(const Op& op, const Operand& operand, const NpuTensor& tensor,
                     const Box& out) {
  const Range heads = heads_of(out, op.keys);
  const int64_t width = operand.width / op.heads;
  const Range channels = {operand.first + heads.begin * width, operand.first + heads.end * width};
  if (operand.reach == Reach::same) return with(same_places(tensor, out), kChannels, channels);
  Range keys = {0, op.keys};
  if (heads.end - heads.begin == 1) {
    keys = {out.begin[kChannels] - heads.begin * op.keys,
            out.end[kChannels] - heads.begin * op.keys};
  }
  return with(key_places(tensor, out, keys), kChannels, channels);
}

Box needed_by_mix(const Work& work, const Op& op, const Operand& operand, const NpuTensor& tensor,
                  const Box& out) {
  if (operand.reach == Reach::same) {  // the weights of the heads, all keys
    const Range heads = heads_of(out, work.tensor(op.output).extent[kChannels] / op.heads);
    return with(same_places(tensor, out), kChannels, {heads.begin * op.keys, heads.end * op.keys});
  }
  return with(key_places(tensor, out, {0, op.keys}), kChannels,
              {operand.first + out.begin[kChannels], operand.first + out.end[kChannels]});
}

/// Channels of an operand that goes along with the result's, or all it was given.
Box with_channels(const Box& box, const Operand& operand, const NpuTensor& tensor, const Box& out) {
  if (operand.width > 0) {
    return box.with(kChannels, operand.first, operand.first + operand.width);
  }
  const int64_t extent = tensor.extent[kChannels];
  if (extent == 1 && operand.first == 0) return box;
  const int64_t begin = std::clamp<int64_t>(operand.first + out.begin[kChannels], 0, extent);
  const int64_t end = std::clamp<int64_t>(operand.first + out.end[kChannels], begin, extent);
  return box.with(kChannels, begin, end);
}

}  // namespace

Box needed(const Work& work, const Op& op, size_t index, const Box& out) {
  const Operand& operand = op.operands[index];
  const NpuTensor& tensor = work.tensor(operand.tensor);
  if (op.graph_op == graph::OpKind::embedding && index == 1) {
    return tensor.box().with(kLines, 0, std::min(tensor.extent[kLines], out.places()));
  }
  if (operand.reach == Reach::whole) return tensor.box();
  if (op.kind == OpKind::scores) return needed_by_scores(op, operand, tensor, out);
  if (op.kind == OpKind::mix) return needed_by_mix(work, op, operand, tensor, out);
  if (operand.reach == Reach::outputs) {
    return tensor.box().with(kLines, operand.first + out.begin[kChannels],
                             operand.first + out.end[kChannels]);
  }
  const Box places = operand.reach == Reach::window
                         ? window_places(op, tensor, work.tensor(op.output), out)
                         : same_places(tensor, out);
  return with_channels(places, operand, tensor, out);
}

int64_t macs(const Work& work, const Op& op, const Box& out, int64_t keys) {
  if (!op.is_matrix()) return 0;
  switch (op.kind) {
    case OpKind::scores:
      return out.elements() * (op.operands[0].width / op.heads);
    case OpKind::mix:
      return out.elements() * (keys == 0 ? op.keys : keys);
    default: {
      int64_t total = 0;
      for (const Operand& operand : op.operands) {
        if (operand.reach != Reach::outputs) continue;
        total += out.elements() * work.tensor(operand.tensor).extent[kChannels];
      }
      return total;
    }
  }
}

int64_t Work::macs() const {
  int64_t total = 0;
  for (const Op& op : ops) total += npu::macs(*this, op, tensor(op.output).box());
  return total;
}

}  // namespace edgefusion::npu
