#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/attention/attention_rows.h"

namespace edgefusion::kernels {
namespace {

constexpr double kUnseen = -std::numeric_limits<double>::infinity();

/// Columns of the output computed at a time.
constexpr size_t kColumns = 64;

size_t scratch_floats(size_t, size_t) noexcept { return 0; }

/// How elements of a dtype are read and written.
struct F32 {
  using Element = float;
  static double load(float value) { return static_cast<double>(value); }
  static float store(double value) { return static_cast<float>(value); }
};
struct BF16 {
  using Element = uint16_t;
  static double load(uint16_t bits) { return static_cast<double>(bf16_to_f32(bits)); }
  static uint16_t store(double value) { return f32_to_bf16(static_cast<float>(value)); }
};

template <class Type>
const typename Type::Element* row_of(const void* data, size_t row, size_t stride) {
  return static_cast<const typename Type::Element*>(data) + row * stride;
}

template <class Type>
double score(const Attention& a, size_t row, size_t key) {
  if (a.causal && key > row) return kUnseen;
  if (a.key_mask != nullptr && a.key_mask[key] == 0.0f) return kUnseen;
  const auto* q = row_of<Type>(a.q, row, a.ldq);
  const auto* k = row_of<Type>(a.k, key, a.ldk);
  double dot = 0.0;
  for (size_t c = 0; c < a.head_size; ++c) dot += Type::load(q[c]) * Type::load(k[c]);
  return dot * static_cast<double>(a.scale);
}

template <class Type>
double largest_score(const Attention& a, size_t row) {
  double largest = kUnseen;
  for (size_t key = 0; key < a.keys; ++key) {
    const double s = score<Type>(a, row, key);
    // A NaN, once met, stays.
    if (s > largest || std::isnan(s)) largest = s;
    if (std::isnan(largest)) break;
  }
  return largest;
}

/// Columns [column0, column1) of one row. Scores are computed again rather than stored: as plain as
/// the formula.
template <class Type>
void attend_columns(const Attention& a, size_t row, size_t column0, size_t column1) {
  const double largest = largest_score<Type>(a, row);
  double total = 0.0;
  double sums[kColumns] = {};
  for (size_t key = 0; key < a.keys; ++key) {
    const double s = score<Type>(a, row, key);
    if (s == kUnseen) continue;
    const double weight = std::exp(s - largest);
    total += weight;
    const auto* v = row_of<Type>(a.v, key, a.ldv) + column0;
    for (size_t c = 0; c < column1 - column0; ++c) sums[c] += weight * Type::load(v[c]);
  }
  auto* out = static_cast<typename Type::Element*>(a.out) + row * a.ldo + column0;
  for (size_t c = 0; c < column1 - column0; ++c) {
    out[c] = Type::store(total == 0.0 ? 0.0 : sums[c] / total);
  }
}

template <class Type>
void run(const Attention& a, size_t row0, size_t row1, float*) noexcept {
  for (size_t row = row0; row < row1; ++row) {
    for (size_t c = 0; c < a.value_size; c += kColumns) {
      attend_columns<Type>(a, row, c, std::min(c + kColumns, a.value_size));
    }
  }
}

}  // namespace

AttentionFunctions attention_functions_scalar(DType dtype) {
  return {scratch_floats, dtype == DType::bf16 ? run<BF16> : run<F32>, 1};
}

}  // namespace edgefusion::kernels
