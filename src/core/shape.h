#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

namespace edgefusion {

/// Extents of a tensor, outermost first; rank 0 to 6; no extent is negative.
class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  Shape(std::initializer_list<int64_t> extents)
      : Shape(std::span<const int64_t>(extents.begin(), extents.size())) {}
  explicit Shape(std::span<const int64_t> extents);

  int rank() const { return rank_; }
  /// Extent of an axis; negative axes count from the back. Out of range is a bug (EF_CHECK).
  int64_t operator[](int axis) const;
  void set(int axis, int64_t extent);
  std::span<const int64_t> extents() const { return {extents_.data(), static_cast<size_t>(rank_)}; }

  /// Product of extents. For shapes from files use checked_elements().
  int64_t elements() const;
  /// Product of extents, or nothing if it does not fit int64.
  std::optional<int64_t> checked_elements() const;

  /// Product of all extents but the last; 1 for rank 0 and 1.
  int64_t rows() const;

  bool operator==(const Shape& other) const;
  /// "[1,77,768]"
  std::string to_string() const;

 private:
  std::array<int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

}  // namespace edgefusion
