#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/arena.h"
#include "core/content_hash.h"
#include "core/quantized_tensor.h"
#include "core/result.h"
#include "core/tensor.h"
#include "engine/packed_regions.h"
#include "graph/graph.h"

namespace edgefusion::engine {

/// One region of memory that holds all weights of a Program as its kernels want them. Filled in
/// passes over the same nodes in the same order: the first only measures; then either allocate()
/// and a pass that packs, or write_to() and a pass that packs into a file; map() and a pass that
/// finds everything packed.
class WeightStore {
 public:
  /// Source may be nullptr while measuring; weights then count as f16.
  explicit WeightStore(const TensorSource* source) : source_(source) {}
  /// The file of a region may stay mapped for other uses; the region's pages are not needed there.
  ~WeightStore() { drop(0, mapped_.bytes); }
  WeightStore(const WeightStore&) = delete;
  WeightStore& operator=(const WeightStore&) = delete;

  bool measuring() const { return mode_ == Mode::measure; }
  /// Where the next place begins: the bytes asked for so far in this pass.
  size_t offset() const { return used_; }

  struct Place {
    const std::byte* data = nullptr;  ///< where the kernel reads; nullptr while measuring
    std::byte* fill = nullptr;        ///< where to pack it; nullptr if there is nothing to do
  };
  /// Next place, 64-byte aligned, for what is made of the tensors of a weight node. `layout` says
  /// how: with the tensors' names, shape and type it decides every byte but the values; `numbers`
  /// are those that weights were multiplied by on the way, which make no other layout of it.
  Place place(const graph::Node& weight, const Shape& shape, size_t bytes, std::string_view layout,
              std::string_view numbers = {});

  /// End of the measuring pass: memory for what was asked for. Throws std::bad_alloc.
  void allocate();
  /// Or: what is packed from now on is appended to `writer`; one place is in memory at a time.
  void write_to(RegionWriter& writer);
  /// After such a pass; the first error of the writer, if any.
  Status finish_writing();
  /// Or: the smallest place of each layout is packed and compared with what the region holds there.
  void compare_with(MappedRegion region);
  /// After such a pass; false: this program packs otherwise than the one that made the region.
  bool finish_comparing();
  /// Or: the region as an earlier pass left it.
  void map(MappedRegion region);

  /// Of a measured region: which bytes lie where and how they were packed.
  Hash128 layout() const { return layout_.result(); }
  /// Memory a writing pass takes at most: the largest place and the tensors it is packed from.
  int64_t packing_bytes() const { return static_cast<int64_t>(packing_bytes_); }
  /// Of a mapped region; nothing otherwise.
  void drop(size_t begin, size_t end) const;
  void fetch(size_t begin, size_t end) const;

  /// The codes of a weight node's tensors, one below the other; empty unless all are quantised.
  std::vector<const QuantizedTensor*> quantized(const graph::Node& node) const;

  /// Storage dtype of a weight node's tensors (they must agree, else f32): f32, f16 or bf16.
  DType dtype(const graph::Node& node) const;

  /// The node's tensors stacked along axis 0 in dtype(node), with the value's shape. Data points
  /// into the source if it is one tensor there, else into `scratch`, which keeps it alive.
  ConstTensorView tensor(const graph::Node& node, const Shape& shape, Tensor& scratch) const;

  /// The same as f32 in the store: biases, norm factors.
  const float* place_f32(const graph::Node& node, const Shape& shape, std::string_view layout);

  /// Tells the source that the node's tensors were packed.
  void release(const graph::Node& node) const;

 private:
  enum class Mode { measure, memory, write, compare, mapped };

  void measure(const graph::Node& weight, const Shape& shape, size_t bytes,
               std::string_view layout);
  void restart(Mode mode);
  void flush();
  Place next_sample(size_t offset, size_t bytes);
  void end_sample();

  const TensorSource* source_;
  Mode mode_ = Mode::measure;
  Arena region_;
  MappedRegion mapped_;
  RegionWriter* writer_ = nullptr;
  Arena buffer_;            // of the place being written
  size_t buffer_used_ = 0;  // its bytes with padding; 0: none
  Status written_;
  size_t used_ = 0;
  size_t bytes_ = 0;  // of the measured region
  struct Sample {
    size_t offset = 0, bytes = 0;
  };
  std::map<std::string, Sample, std::less<>> samples_;  // by layout
  Sample sample_;                                       // being packed
  bool samples_agree_ = true;
  size_t largest_place_ = 0;
  size_t packing_bytes_ = 0;
  ContentHasher layout_;
};

}  // namespace edgefusion::engine
