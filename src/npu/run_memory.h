#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "npu/device.h"
#include "npu/schedule.h"
#include "npu/work.h"

// The memories execute() runs on.

namespace edgefusion::npu {

/// Where the channels of a place of the whole tensor begin in a box that lies densely.
inline int64_t first_channel(const Box& box, int64_t n, int64_t line, int64_t column) {
  const int64_t lines = (n - box.begin[kBatch]) * box.extent(kLines) + line - box.begin[kLines];
  return (lines * box.extent(kColumns) + column - box.begin[kColumns]) * box.extent(kChannels);
}

/// A dense copy of a part of a tensor, channels innermost. What is summed over several commands
/// (statistics of group norms, states of online softmax) has two doubles an element, others a
/// float.
struct Dense {
  Box box;
  int lanes = 1;  ///< floats of one element
  std::vector<float> values;

  explicit Dense(const Box& part, int floats_each = 1);
  /// The first channel of a place of the whole tensor, which lies within the box.
  float* at(int64_t n, int64_t line, int64_t column) {
    return values.data() + first_channel(box, n, line, column) * lanes;
  }
  const float* at(int64_t n, int64_t line, int64_t column) const {
    return values.data() + first_channel(box, n, line, column) * lanes;
  }
  /// Double `which` (0, 1) of an element, channel counted from the box's first.
  double exact(int64_t n, int64_t line, int64_t column, int64_t channel, int which) const;
  void set_exact(int64_t n, int64_t line, int64_t column, int64_t channel, int which, double value);
};

/// Calls `visit(n, line, column)` for every place of a box, in order.
void for_each_place(const Box& box, const std::function<void(int64_t, int64_t, int64_t)>& visit);

/// DRAM, tensor by tensor, and on-chip memory, byte by byte: one float for each byte, so that
/// element i of a slot lies at float offset + i * bits / 8. Elements of two doubles have four bytes
/// each, and fit. Elements of less than 8 bits (weights of a few bits) would share floats: they lie
/// beside the memory, slot by slot; the contents of their bytes are destroyed as by others, their
/// own survive, which verify() excludes.
/// All starts as NaN, and a slot becomes NaN again whenever a new content begins in it: what is
/// read without having been written shows in the results.
class RunMemory {
 public:
  /// Fills a tensor of DRAM that nothing has written: inputs, weights, constants.
  using Source = std::function<std::vector<float>(TensorId)>;
  RunMemory(const Device& device, const Work& work, const Schedule& schedule, Source source);

  Dense read(const Access& access, const Box& part);
  /// part.box lies within access.held.
  void write(const Access& access, const Dense& part);
  /// All of a tensor in DRAM.
  const std::vector<float>& dram(TensorId id);

  int lanes_of(TensorId id) const;

 private:
  struct Region {
    float* base;
    Box held;
    int64_t eighths;  ///< element i begins at float i * eighths / 8
  };
  Region region(const Access& access);
  void begin(const Access& access);

  const Device& device_;
  const Work& work_;
  const Schedule& schedule_;
  Source source_;
  std::vector<float> on_chip_;
  std::vector<Access> held_;                    // of each slot: tensor and box
  std::map<int, std::vector<float>> few_bits_;  // of slots with elements below 8 bits
  std::vector<std::vector<float>> dram_;
};

}  // namespace edgefusion::npu
