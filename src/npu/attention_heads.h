#pragma once

#include <cstdint>
#include <vector>

#include "npu/box.h"
#include "npu/work.h"

// How scores, softmax and mix fall apart into heads; what verify() and execute() share.

namespace edgefusion::npu {

/// The part of `out`, a part of the op's result, that belongs to one head.
struct HeadPart {
  int64_t head = 0;
  Box out;
};

/// Of scores, softmax and mix. `out` is not empty.
std::vector<HeadPart> head_parts(const Work& work, const Op& op, const Box& out);

/// [begin, end) of one head.
struct KeyRange {
  int64_t begin = 0, end = 0;
  int64_t count() const { return end - begin; }
};

/// The keys of channels of scores or of softmax, which belong to `head`.
inline KeyRange keys_of(const Op& op, int64_t head, const Box& scores) {
  return {scores.begin[kChannels] - head * op.keys, scores.end[kChannels] - head * op.keys};
}

/// Where a state's maximum, sum and last factor of one head lie, for the places of `out`.
inline Box state_box(const HeadPart& part) {
  return part.out.with(kChannels, 3 * part.head, 3 * part.head + 3);
}

/// `needed` (of all keys) with the places of `keys` alone: whole lines if they lie in several.
Box with_keys(const NpuTensor& tensor, const Box& needed, KeyRange keys);

}  // namespace edgefusion::npu
