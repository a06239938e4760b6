#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/attention/attention_int8_formula-inl.h"
#include "kernels/attention/attention_rows.h"

// attention_int8_formula-inl.h row by row, as plain as can be: every other row of the table is
// tested to give the same bits.

namespace edgefusion::kernels {
namespace {

size_t scratch_floats(size_t, size_t) noexcept { return 0; }

/// Rounded numbers and their scale.
struct Row8 {
  std::vector<int> numbers;
  float scale = 0.0f;
};

Row8 rounded_row(const std::vector<float>& row) {
  float largest = 0.0f;
  for (const float x : row) largest = std::max(largest, std::abs(x));
  const float inverse = inverse_scale_of(largest);
  Row8 rounded;
  for (const float x : row)
    rounded.numbers.push_back(static_cast<int>(std::nearbyint(x * inverse)));
  rounded.scale = scale_of(largest);
  return rounded;
}

/// K and V of a head in 8 bits, keys without mask alone.
struct Head {
  std::vector<size_t> index;  ///< numbers of the keys
  std::vector<Row8> keys;
  std::vector<std::vector<int>> values;
  std::vector<float> middle, value_scale;
};

std::vector<float> row_of(const void* data, size_t row, size_t stride, size_t columns) {
  const auto* from = static_cast<const uint16_t*>(data) + row * stride;
  std::vector<float> floats(columns);
  for (size_t c = 0; c < columns; ++c) floats[c] = widened(from[c]);
  return floats;
}

void add_keys(const Attention& a, Head& head) {
  std::vector<float> mean(a.head_size, 0.0f);
  for (const size_t key : head.index) {
    const std::vector<float> row = row_of(a.k, key, a.ldk, a.head_size);
    for (size_t c = 0; c < a.head_size; ++c) mean[c] += row[c];
  }
  const float part = 1.0f / static_cast<float>(std::max<size_t>(head.index.size(), 1));
  for (float& x : mean) x *= part;
  for (const size_t key : head.index) {
    std::vector<float> row = row_of(a.k, key, a.ldk, a.head_size);
    for (size_t c = 0; c < a.head_size; ++c) row[c] -= mean[c];
    head.keys.push_back(rounded_row(row));
  }
}

void add_values(const Attention& a, Head& head) {
  std::vector<float> low(a.value_size, 3.4e38f), high(a.value_size, -3.4e38f);
  for (const size_t key : head.index) {
    const std::vector<float> row = row_of(a.v, key, a.ldv, a.value_size);
    for (size_t c = 0; c < a.value_size; ++c) {
      low[c] = std::min(low[c], row[c]);
      high[c] = std::max(high[c], row[c]);
    }
  }
  std::vector<float> inverse;
  for (size_t c = 0; c < a.value_size; ++c) {
    const float half = 0.5f * high[c] - 0.5f * low[c];
    head.middle.push_back(0.5f * high[c] + 0.5f * low[c]);
    head.value_scale.push_back(scale_of(half));
    inverse.push_back(inverse_scale_of(half));
  }
  for (const size_t key : head.index) {
    const std::vector<float> row = row_of(a.v, key, a.ldv, a.value_size);
    std::vector<int> rounded;
    for (size_t c = 0; c < a.value_size; ++c) {
      rounded.push_back(static_cast<int>(std::nearbyint((row[c] - head.middle[c]) * inverse[c])));
    }
    head.values.push_back(rounded);
  }
}

Head make_head(const Attention& a) {
  Head head;
  for (size_t key = 0; key < a.keys; ++key) {
    if (a.key_mask == nullptr || a.key_mask[key] != 0.0f) head.index.push_back(key);
  }
  add_keys(a, head);
  add_values(a, head);
  return head;
}

/// What a row has summed so far.
struct Sums {
  float reference = -3.4e38f;
  float total = 0.0f;
  std::vector<float> values;
};

/// One query row meets the keys, block by block.
class Attending {
 public:
  Attending(const Attention& attention, const Head& head, size_t row)
      : a_(attention), head_(head), row_(row) {
    constexpr float kLog2E = 1.44269504f;
    q_ = rounded_row(row_of(a_.q, row, a_.ldq, a_.head_size));
    q_.scale *= a_.scale * kLog2E * kOctave;
    sums_.values.assign(a_.value_size, 0.0f);
    for (size_t key = 0; key < std::min(head_.index.size(), kFirstKeys8); ++key) {
      if (sees(key)) sums_.reference = std::max(sums_.reference, score(key));
    }
    sums_.reference = reference_of(sums_.reference);
  }

  Sums sums() {
    for (size_t key = 0; key < head_.index.size(); key += kBlockKeys) {
      attend(key, std::min(key + kBlockKeys, head_.index.size()));
    }
    return sums_;
  }

 private:
  bool sees(size_t key) const { return !a_.causal || head_.index[key] <= row_; }

  float scaled_product(size_t key) const {
    int product = 0;
    for (size_t c = 0; c < a_.head_size; ++c) {
      product += q_.numbers[c] * head_.keys[key].numbers[c];
    }
    return static_cast<float>(product) * head_.keys[key].scale;
  }
  float score(size_t key) const { return scaled_product(key) * q_.scale; }

  int distance(size_t key) const {
    if (!sees(key)) return kUnseen;
    const float z = std::nearbyint(std::fma(scaled_product(key), -q_.scale, sums_.reference));
    return static_cast<int>(std::clamp(z, -32768.0f, 32767.0f));
  }

  int nearest(size_t begin, size_t end) const {
    int found = kUnseen;
    for (size_t key = begin; key < end; ++key) found = std::min(found, distance(key));
    return found;
  }

  void raise(size_t begin, size_t end) {
    float raised = sums_.reference;
    for (size_t key = begin; key < end; ++key) {
      if (sees(key)) raised = std::max(raised, score(key));
    }
    raised = reference_of(raised);
    const float factor = lowering_of(sums_.reference, raised);
    sums_.reference = raised;
    sums_.total *= factor;
    for (float& sum : sums_.values) sum *= factor;
  }

  /// Keys [begin, end), a block.
  void attend(size_t begin, size_t end) {
    if (nearest(begin, end) <= kTooNear) raise(begin, end);
    const int least = nearest(begin, end);
    if (least > kFarthest) return;
    const float factor = factor_of(least);
    int total = 0;
    std::vector<int> values(a_.value_size, 0);
    for (size_t key = begin; key < end; ++key) {
      const auto beyond = static_cast<uint16_t>(distance(key) - least);
      const int weight = weight_of(beyond, threshold_of(key));
      total += weight;
      for (size_t c = 0; c < a_.value_size; ++c) values[c] += weight * head_.values[key][c];
    }
    sums_.total = std::fma(static_cast<float>(total), factor, sums_.total);
    for (size_t c = 0; c < a_.value_size; ++c) {
      sums_.values[c] = std::fma(static_cast<float>(values[c]), factor, sums_.values[c]);
    }
  }

  const Attention& a_;
  const Head& head_;
  size_t row_;
  Row8 q_;
  Sums sums_;
};

void store(const Attention& a, size_t row, size_t column, float value) {
  const size_t at = row * a.ldo + column;
  if (!a.out_u8) {
    static_cast<uint16_t*>(a.out)[at] = static_cast<uint16_t>(narrowed_bits(value));
    return;
  }
  const float t = value * a.dst_inverse_scale[column];
  const float whole = std::nearbyint(std::clamp(t, -512.0f, 512.0f));
  const int q = std::clamp(static_cast<int>(whole) + a.dst_zero_point, 0, 255);
  static_cast<uint8_t*>(a.out)[at] = static_cast<uint8_t>(q);
}

void run(const Attention& a, size_t row0, size_t row1, float*) noexcept {
  const Head head = make_head(a);
  for (size_t row = row0; row < row1; ++row) {
    const Sums sums = Attending(a, head, row).sums();
    const float inverse = sums.total == 0.0f ? 0.0f : 1.0f / sums.total;
    for (size_t c = 0; c < a.value_size; ++c) {
      const float mean = std::fma(sums.values[c] * inverse, head.value_scale[c], head.middle[c]);
      store(a, row, c, inverse == 0.0f ? 0.0f : mean);
    }
  }
}

}  // namespace

AttentionFunctions attention_int8_functions_scalar() { return {scratch_floats, run, 1}; }

}  // namespace edgefusion::kernels
