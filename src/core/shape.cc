#include "core/shape.h"

#include <algorithm>

#include "core/result.h"

namespace edgefusion {

Shape::Shape(std::span<const int64_t> extents) : rank_(static_cast<int>(extents.size())) {
  EF_CHECK(extents.size() <= kMaxRank, "rank " + std::to_string(extents.size()));
  std::copy(extents.begin(), extents.end(), extents_.begin());
}

int64_t Shape::operator[](int axis) const {
  const int index = axis < 0 ? axis + rank_ : axis;
  EF_CHECK(index >= 0 && index < rank_, "axis " + std::to_string(axis) + " of " + to_string());
  return extents_[static_cast<size_t>(index)];
}

void Shape::set(int axis, int64_t extent) {
  const int index = axis < 0 ? axis + rank_ : axis;
  EF_CHECK(index >= 0 && index < rank_, "axis " + std::to_string(axis) + " of " + to_string());
  extents_[static_cast<size_t>(index)] = extent;
}

int64_t Shape::elements() const {
  const auto product = checked_elements();
  EF_CHECK(product.has_value(), "element count of " + to_string() + " overflows");
  return *product;
}

std::optional<int64_t> Shape::checked_elements() const {
  int64_t product = 1;
  for (const int64_t extent : extents()) {
    if (extent < 0 || __builtin_mul_overflow(product, extent, &product)) return std::nullopt;
  }
  return product;
}

int64_t Shape::rows() const {
  int64_t product = 1;
  for (int axis = 0; axis + 1 < rank_; ++axis) product *= extents_[static_cast<size_t>(axis)];
  return product;
}

bool Shape::operator==(const Shape& other) const {
  return std::ranges::equal(extents(), other.extents());
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (int axis = 0; axis < rank_; ++axis) {
    if (axis != 0) text += ',';
    text += std::to_string(extents_[static_cast<size_t>(axis)]);
  }
  return text + "]";
}

}  // namespace edgefusion
