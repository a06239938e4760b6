#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/dtype.h"
#include "kernels/elementwise/kernel_test_data.h"

// What the tests and the benchmark of the family share.

namespace edgefusion::kernels {

/// Floats kept as a kernel wants them: in f32, or rounded to bf16.
class Elements {
 public:
  Elements(DType dtype, const std::vector<float>& values) : dtype_(dtype) {
    bytes_.resize(values.size() * size_of(dtype));
    for (size_t i = 0; i < values.size(); ++i) {
      const uint16_t rounded = f32_to_bf16(values[i]);
      if (dtype == DType::bf16) std::memcpy(at(i), &rounded, sizeof rounded);
      if (dtype == DType::f32) std::memcpy(at(i), &values[i], sizeof(float));
    }
  }
  void* at(size_t index) { return bytes_.data() + index * size_of(dtype_); }
  const void* at(size_t index) const { return bytes_.data() + index * size_of(dtype_); }

  std::vector<float> floats() const {
    std::vector<float> values(bytes_.size() / size_of(dtype_));
    for (size_t i = 0; i < values.size(); ++i) {
      uint16_t rounded = 0;
      if (dtype_ == DType::f32) std::memcpy(&values[i], at(i), sizeof(float));
      if (dtype_ == DType::bf16) {
        std::memcpy(&rounded, at(i), sizeof rounded);
        values[i] = bf16_to_f32(rounded);
      }
    }
    return values;
  }

 private:
  DType dtype_;
  std::vector<std::byte> bytes_;
};

inline std::vector<float> rounded_to(DType dtype, std::vector<float> values) {
  return Elements(dtype, values).floats();
}

/// Several heads side by side; the test looks at the second of them.
struct Problem {
  static constexpr size_t kHeads = 3;
  DType dtype;
  size_t queries, keys, head_size, value_size;
  std::vector<float> q, k, v, out, mask;  // what `dtype` can hold
  float scale;
  bool causal = false;

  Problem(DType type, size_t queries_, size_t keys_, size_t head_size_, size_t value_size_)
      : dtype(type),
        queries(queries_),
        keys(keys_),
        head_size(head_size_),
        value_size(value_size_),
        scale(1.0f / std::sqrt(static_cast<float>(head_size))) {
    q = rounded_to(dtype, random_floats(queries * head_size * kHeads, 1));
    k = rounded_to(dtype, random_floats(keys * head_size * kHeads, 2));
    v = rounded_to(dtype, random_floats(keys * value_size * kHeads, 3));
    out.assign(queries * value_size * kHeads, 77.0f);
  }
  float* query(size_t row) { return q.data() + row * head_size * kHeads + head_size; }
  float* key(size_t row) { return k.data() + row * head_size * kHeads + head_size; }
  float* value(size_t row) { return v.data() + row * value_size * kHeads + value_size; }
  float result(size_t row, size_t column) const {
    return out[row * value_size * kHeads + value_size + column];
  }
};

/// Error of an f32 row: a score is a sum of `head_size` products of total magnitude |q||k| (about
/// head_size for normal numbers, 4 times that at worst here), so it is off by at most
/// (head_size + 2) roundings of it; a weight by that much relatively and 3 more units for 2^x; the
/// sums over keys are blocked by 64: at most 64 + keys / 64 roundings. Values are below 5.
inline double f32_bound(const Problem& p) {
  const double d = static_cast<double>(p.head_size);
  const double score = (d + 2.0) * 4.0 * d * std::abs(static_cast<double>(p.scale));
  const double sums = 64.0 + static_cast<double>(p.keys) / 64.0;
  // Roundings add up at random, not all one way: the square root of their number is generous.
  return 0x1p-24 * 5.0 * 2.0 * (std::sqrt(score * d) + 3.0 + std::sqrt(sums));
}

/// Weights of one row, as exact as double makes them; 0 where the row does not see a key.
inline std::vector<double> weights_of(Problem& p, size_t row) {
  std::vector<double> weights(p.keys, 0.0);
  double largest = -1e300, total = 0.0;
  for (const bool second : {false, true}) {
    for (size_t j = 0; j < p.keys; ++j) {
      if ((p.causal && j > row) || (!p.mask.empty() && p.mask[j] == 0.0f)) continue;
      double dot = 0.0;
      for (size_t c = 0; c < p.head_size; ++c) {
        dot += static_cast<double>(p.query(row)[c]) * static_cast<double>(p.key(j)[c]);
      }
      dot *= static_cast<double>(p.scale);
      if (second) total += weights[j] = std::exp(dot - largest);
      if (!second) largest = std::max(largest, dot);
    }
  }
  for (double& weight : weights) weight /= total == 0.0 ? 1.0 : total;
  return weights;
}

/// Error of a bf16 row whose factors and weights are bf16 too. To first order the error of an
/// output is sum_j w_j (v_j - out) e_j, where e_j is the relative error of the weight: its own
/// rounding, at most 2^-8, and what the rounding of q * scale, at most 2^-8 in each column, does to
/// the score. These are independent; 6 times the root of their squares' sum is over 10 standard
/// deviations. Besides, 2^x is off by at most 1e-4, all one way, and the result is rounded, as is
/// the reference's.
inline double bf16_bound(Problem& p, const std::vector<double>& weights, size_t row, size_t column,
                         double exact) {
  std::vector<double> by_column(p.head_size, 0.0);
  double squares = 0.0, polynomial = 0.0;
  for (size_t j = 0; j < p.keys; ++j) {
    if (weights[j] == 0.0) continue;
    const double part = weights[j] * (static_cast<double>(p.value(j)[column]) - exact);
    squares += part * part;
    polynomial += std::abs(part) * 1e-4;
    for (size_t c = 0; c < p.head_size; ++c) {
      by_column[c] += part * static_cast<double>(p.key(j)[c]);
    }
  }
  for (size_t c = 0; c < p.head_size; ++c) {
    const double slope = by_column[c] * static_cast<double>(p.query(row)[c] * p.scale);
    squares += slope * slope;
  }
  return 6.0 * 0x1p-8 * std::sqrt(squares) + polynomial + 0x1p-7 * std::abs(exact) + f32_bound(p);
}

}  // namespace edgefusion::kernels
