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

double score(const Attention& a, size_t row, size_t key) {
  if (a.causal && key > row) return kUnseen;
  if (a.key_mask != nullptr && a.key_mask[key] == 0.0f) return kUnseen;
  double dot = 0.0;
  for (size_t c = 0; c < a.head_size; ++c) {
    dot += static_cast<double>(a.q[row * a.ldq + c]) * static_cast<double>(a.k[key * a.ldk + c]);
  }
  return dot * static_cast<double>(a.scale);
}

double largest_score(const Attention& a, size_t row) {
  double largest = kUnseen;
  for (size_t key = 0; key < a.keys; ++key) {
    const double s = score(a, row, key);
    // A NaN, once met, stays.
    if (s > largest || std::isnan(s)) largest = s;
    if (std::isnan(largest)) break;
  }
  return largest;
}

/// Columns [column0, column1) of one row. Scores are computed again rather than stored: as plain as
/// the formula.
void attend_columns(const Attention& a, size_t row, size_t column0, size_t column1) {
  const double largest = largest_score(a, row);
  double total = 0.0;
  double sums[kColumns] = {};
  for (size_t key = 0; key < a.keys; ++key) {
    const double s = score(a, row, key);
    if (s == kUnseen) continue;
    const double weight = std::exp(s - largest);
    total += weight;
    const float* v = a.v + key * a.ldv + column0;
    for (size_t c = 0; c < column1 - column0; ++c) sums[c] += weight * static_cast<double>(v[c]);
  }
  float* out = a.out + row * a.ldo + column0;
  for (size_t c = 0; c < column1 - column0; ++c) {
    out[c] = total == 0.0 ? 0.0f : static_cast<float>(sums[c] / total);
  }
}

void run(const Attention& a, size_t row0, size_t row1, float*) noexcept {
  for (size_t row = row0; row < row1; ++row) {
    for (size_t c = 0; c < a.value_size; c += kColumns) {
      attend_columns(a, row, c, std::min(c + kColumns, a.value_size));
    }
  }
}

}  // namespace

AttentionFunctions attention_functions_scalar() { return {scratch_floats, run, 1}; }

}  // namespace edgefusion::kernels
