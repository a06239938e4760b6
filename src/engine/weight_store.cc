#include "engine/weight_store.h"

#include <cstring>

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

}  // namespace

std::byte* WeightStore::place(size_t bytes) {
  const size_t offset = used_;
  used_ += Arena::aligned(bytes);
  if (!allocated_) return nullptr;
  EF_CHECK(used_ <= region_.bytes(), "the second pass asks for more than the first");
  return region_.at(offset);
}

void WeightStore::allocate() {
  region_ = Arena(used_);
  used_ = 0;
  allocated_ = true;
}

DType WeightStore::dtype(const graph::Node& node) const {
  if (source_ == nullptr) return DType::f16;
  const auto& names = node.as<graph::WeightAttrs>().tensors;
  const DType first = find(*source_, names[0]).dtype;
  for (const auto& name : names) {
    if (find(*source_, name).dtype != first) return DType::f32;
  }
  return is_stored_as_is(first) ? first : DType::f32;
}

ConstTensorView WeightStore::tensor(const graph::Node& node, const Shape& shape,
                                    Tensor& scratch) const {
  const auto& names = node.as<graph::WeightAttrs>().tensors;
  const DType stored = dtype(node);
  const ConstTensorView& first = find(*source_, names[0]);
  if (names.size() == 1 && first.dtype == stored && is_aligned(first)) {
    return {first.data, shape, stored};
  }
  scratch = Tensor(shape, stored);
  std::byte* dst = scratch.view().data;
  for (const auto& name : names) {
    const ConstTensorView& part = find(*source_, name);
    const size_t bytes = static_cast<size_t>(part.shape.elements()) * size_of(stored);
    if (part.dtype == stored) {
      std::memcpy(dst, part.data, bytes);
    } else {
      convert_to_f32(part, reinterpret_cast<float*>(dst));
    }
    dst += bytes;
  }
  return scratch.view();
}

const float* WeightStore::place_f32(const graph::Node& node, const Shape& shape) {
  auto* dst =
      reinterpret_cast<float*>(place(static_cast<size_t>(shape.elements()) * sizeof(float)));
  if (dst == nullptr) return nullptr;
  Tensor scratch;
  convert_to_f32(tensor(node, shape, scratch), dst);
  release(node);
  return dst;
}

void WeightStore::release(const graph::Node& node) const {
  for (const auto& name : node.as<graph::WeightAttrs>().tensors) source_->release(name);
}

}  // namespace edgefusion::engine
