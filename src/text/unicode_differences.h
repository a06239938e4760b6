#pragma once

#include <cstdint>
#include <span>

namespace edgefusion::text {

/// Code points first..last have (value) or lack (not value) a property, whatever utf8proc says.
struct PropertyRange {
  char32_t first;
  char32_t last;
  bool value;
};

/// Code points first..last have their lower case `delta` further on.
struct LowerCaseRange {
  char32_t first;
  char32_t last;
  int32_t delta;
};

/// Tables in ascending order: where the `tokenizers` library, whose ids are our reference, follows
/// another version of Unicode than utf8proc. Made by scripts/unicode_differences.py.
std::span<const PropertyRange> letter_differences();
std::span<const PropertyRange> number_differences();
std::span<const PropertyRange> nonspacing_mark_differences();
std::span<const PropertyRange> punctuation_differences();
std::span<const PropertyRange> control_differences();
/// Code points that the reference's normal forms leave alone: younger than its tables.
std::span<const PropertyRange> inert_differences();
std::span<const LowerCaseRange> lower_case_differences();

}  // namespace edgefusion::text
