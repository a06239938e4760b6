#include "engine/weight_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace edgefusion::engine {
namespace {

const ConstTensorView& find(const TensorSource& source, const std::string& name) {
  const ConstTensorView* tensor = source.find(name);
  EF_CHECK(tensor != nullptr, name + " was there when the graph was built");
  return *tensor;
}

/// Kernels read whole elements; a file may place a tensor anywhere.
bool is_aligned(const ConstTensorView& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data) % size_of(tensor.dtype) == 0;
}

bool is_stored_as_is(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

// Of a place that is packed to compare: packing it must cost next to nothing.
constexpr size_t kMostSampleBytes = size_t{4} << 20;

}  // namespace

void WeightStore::measure(const graph::Node& weight, const Shape& shape, size_t bytes,
                          std::string_view layout) {
  const DType stored = dtype(weight);
  for (const std::string& name : weight.as<graph::WeightAttrs>().tensors) layout_.add_text(name);
  layout_.add_text(shape.to_string());
  layout_.add_text(to_string(stored));
  layout_.add_text(layout);
  layout_.add_number(bytes);
  if (bytes <= kMostSampleBytes) {
    const auto [known, is_new] = samples_.try_emplace(std::string(layout), Sample{used_, bytes});
    if (!is_new && bytes < known->second.bytes) known->second = {used_, bytes};
  }
  // The source's pages, and a copy of them where several tensors are stacked.
  const size_t source = 2 * static_cast<size_t>(shape.elements()) * size_of(stored);
  largest_place_ = std::max(largest_place_, bytes);
  packing_bytes_ = std::max(packing_bytes_, bytes + source);
}

WeightStore::Place WeightStore::place(const graph::Node& weight, const Shape& shape, size_t bytes,
                                      std::string_view layout, std::string_view numbers) {
  if (mode_ == Mode::measure) {
    measure(weight, shape, bytes, layout);
    if (!numbers.empty()) layout_.add_text(numbers);
  }
  const size_t offset = used_;
  used_ += Arena::aligned(bytes);
  if (mode_ == Mode::measure) return {};
  EF_CHECK(used_ <= bytes_, "a later pass asks for more than the first");
  switch (mode_) {
    case Mode::mapped:
      return {mapped_.data() + offset, nullptr};
    case Mode::write:
      flush();
      if (!written_) return {};  // no use to pack more
      buffer_used_ = Arena::aligned(bytes);
      // Bytes that packing leaves alone shall not depend on what was here before.
      std::memset(buffer_.at(0), 0, buffer_used_);
      return {buffer_.at(0), buffer_.at(0)};
    case Mode::compare: {
      end_sample();
      const auto known = samples_.find(layout);
      const bool is_sample = known != samples_.end() && known->second.offset == offset;
      return is_sample ? next_sample(offset, bytes) : Place{};
    }
    default:
      return {region_.at(offset), region_.at(offset)};
  }
}

void WeightStore::restart(Mode mode) {
  if (mode_ == Mode::measure) bytes_ = used_;
  mode_ = mode;
  used_ = 0;
}

void WeightStore::allocate() {
  restart(Mode::memory);
  region_ = Arena(bytes_);
}

void WeightStore::write_to(RegionWriter& writer) {
  restart(Mode::write);
  writer_ = &writer;
  written_ = {};
  buffer_used_ = 0;
  buffer_ = Arena(Arena::aligned(largest_place_));
}

void WeightStore::flush() {
  if (buffer_used_ == 0 || !written_) return;
  written_ = writer_->append({buffer_.at(0), buffer_used_});
  buffer_used_ = 0;
}

Status WeightStore::finish_writing() {
  flush();
  writer_ = nullptr;
  buffer_ = {};
  return std::exchange(written_, {});
}

void WeightStore::compare_with(MappedRegion region) {
  map(std::move(region));
  mode_ = Mode::compare;
  samples_agree_ = true;
  sample_ = {};
  size_t largest = 0;
  for (const auto& entry : samples_) largest = std::max(largest, entry.second.bytes);
  buffer_ = Arena(largest);
}

WeightStore::Place WeightStore::next_sample(size_t offset, size_t bytes) {
  sample_ = {offset, bytes};
  std::memset(buffer_.at(0), 0, bytes);
  return {buffer_.at(0), buffer_.at(0)};
}

void WeightStore::end_sample() {
  if (sample_.bytes == 0) return;
  const std::byte* kept = mapped_.data() + sample_.offset;
  samples_agree_ = samples_agree_ && std::memcmp(kept, buffer_.at(0), sample_.bytes) == 0;
  sample_ = {};
}

bool WeightStore::finish_comparing() {
  end_sample();
  buffer_ = {};
  return samples_agree_;
}

void WeightStore::map(MappedRegion region) {
  restart(Mode::mapped);
  EF_CHECK(region.bytes == bytes_, "a region of another layout");
  mapped_ = std::move(region);
}

void WeightStore::drop(size_t begin, size_t end) const {
  if (mapped_.file) mapped_.file->drop_pages(mapped_.offset + begin, end - begin);
}

void WeightStore::fetch(size_t begin, size_t end) const {
  if (mapped_.file) mapped_.file->fetch_pages(mapped_.offset + begin, end - begin);
}

std::vector<const QuantizedTensor*> WeightStore::quantized(const graph::Node& node) const {
  std::vector<const QuantizedTensor*> parts;
  if (source_ == nullptr) return parts;
  for (const auto& name : node.as<graph::WeightAttrs>().tensors) {
    const QuantizedTensor* part = source_->quantized(name);
    if (part == nullptr) return {};
    parts.push_back(part);
  }
  return parts;
}

DType WeightStore::dtype(const graph::Node& node) const {
  if (source_ == nullptr) return DType::f16;
  const auto& names = node.as<graph::WeightAttrs>().tensors;
  const DType first = find(*source_, names[0]).dtype;
  for (const auto& name : names) {
    if (source_->quantized(name) != nullptr) return DType::f32;
    if (find(*source_, name).dtype != first) return DType::f32;
  }
  return is_stored_as_is(first) ? first : DType::f32;
}

ConstTensorView WeightStore::tensor(const graph::Node& node, const Shape& shape,
                                    Tensor& scratch) const {
  const auto& names = node.as<graph::WeightAttrs>().tensors;
  const DType stored = dtype(node);
  const ConstTensorView& first = find(*source_, names[0]);
  const bool is_plain = source_->quantized(names[0]) == nullptr;
  if (names.size() == 1 && is_plain && first.dtype == stored && is_aligned(first)) {
    return {first.data, shape, stored};
  }
  scratch = Tensor(shape, stored);
  std::byte* dst = scratch.view().data;
  for (const auto& name : names) {
    const ConstTensorView& part = find(*source_, name);
    const size_t bytes = static_cast<size_t>(part.shape.elements()) * size_of(stored);
    if (const QuantizedTensor* codes = source_->quantized(name)) {
      const Tensor floats = dequantized(*codes);
      std::memcpy(dst, floats.view().data, bytes);
    } else if (part.dtype == stored) {
      std::memcpy(dst, part.data, bytes);
    } else {
      convert_to_f32(part, reinterpret_cast<float*>(dst));
    }
    dst += bytes;
  }
  return scratch.view();
}

const float* WeightStore::place_f32(const graph::Node& node, const Shape& shape,
                                    std::string_view layout) {
  const size_t bytes = static_cast<size_t>(shape.elements()) * sizeof(float);
  const Place where = place(node, shape, bytes, layout);
  if (where.fill != nullptr) {
    Tensor scratch;
    convert_to_f32(tensor(node, shape, scratch), reinterpret_cast<float*>(where.fill));
    release(node);
  }
  return reinterpret_cast<const float*>(where.data);
}

void WeightStore::release(const graph::Node& node) const {
  for (const auto& name : node.as<graph::WeightAttrs>().tensors) source_->release(name);
}

}  // namespace edgefusion::engine
