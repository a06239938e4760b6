#include "npu/attention_heads.h"

#include <algorithm>

namespace edgefusion::npu {

std::vector<HeadPart> head_parts(const Work& work, const Op& op, const Box& out) {
  const int64_t width = work.tensor(op.output).extent[kChannels] / op.heads;
  std::vector<HeadPart> parts;
  for (int64_t channel = out.begin[kChannels]; channel < out.end[kChannels];) {
    const int64_t head = channel / width;
    const int64_t end = std::min(out.end[kChannels], (head + 1) * width);
    parts.push_back({head, out.with(kChannels, channel, end)});
    channel = end;
  }
  return parts;
}

Box with_keys(const NpuTensor& tensor, const Box& needed, KeyRange keys) {
  const int64_t columns = tensor.extent[kColumns];
  const int64_t first = keys.begin / columns, last = (keys.end - 1) / columns;
  const Box lines = needed.with(kLines, first, last + 1);
  if (first != last) return lines.with(kColumns, 0, columns);
  return lines.with(kColumns, keys.begin - first * columns, keys.end - first * columns);
}

}  // namespace edgefusion::npu
