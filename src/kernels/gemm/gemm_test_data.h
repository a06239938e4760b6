#pragma once

// Data for the tests of gemm and conv: seeded values, weights in any storage type, error bounds.

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "core/env.h"
#include "kernels/gemm/gemm.h"

namespace edgefusion::kernels {

/// What these tests run on: this CPU, capped by EDGEFUSION_ISA.
inline IsaSet test_isa() {
  const auto cap = read_environment().isa;
  return cap ? cap_isa(detect_isa(), *cap).value() : detect_isa();
}

inline std::vector<float> random_values(size_t count, uint32_t seed) {
  std::mt19937 bits(seed);
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(bits()) * 0x1p-31f - 1.0f;
  return values;
}

/// Weights as a file stores them, and what they are worth in f32.
struct StoredWeights {
  WeightsView view;
  std::vector<uint32_t> bytes;
  std::vector<float> values;

  StoredWeights(DType dtype, int64_t outputs, int64_t inputs, int64_t taps, uint32_t seed)
      : values(random_values(static_cast<size_t>(outputs * inputs * taps), seed)) {
    bytes.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i) set(dtype, i, values[i]);
    view = {bytes.data(), dtype, outputs, inputs, taps};
  }

  void set(DType dtype, size_t i, float value) {
    if (dtype == DType::f32) {
      reinterpret_cast<float*>(bytes.data())[i] = values[i] = value;
      return;
    }
    const uint16_t half = dtype == DType::f16 ? f32_to_f16(value) : f32_to_bf16(value);
    reinterpret_cast<uint16_t*>(bytes.data())[i] = half;
    values[i] = dtype == DType::f16 ? f16_to_f32(half) : bf16_to_f32(half);
  }
};

/// 64-byte aligned memory, filled with NaN so that reads of what nobody wrote show.
class AlignedBuffer {
 public:
  explicit AlignedBuffer(size_t bytes) : storage_((bytes + 128) / sizeof(float), NAN) {}
  void* data() {
    const auto address = reinterpret_cast<uintptr_t>(storage_.data());
    return reinterpret_cast<void*>((address + 63) / 64 * 64);
  }

 private:
  std::vector<float> storage_;
};

/// Packed weights of a row's layout.
inline AlignedBuffer pack_for(const PanelLayout& layout, const WeightsView& weights) {
  AlignedBuffer packed(layout.bytes(weights));
  pack_panels(layout, weights, 0, layout.panels(weights.outputs), packed.data());
  return packed;
}

/// Bound on |computed - exact| of a sum of `terms` products, rounded after each of them, plus the
/// error of the activation: `magnitude` is the sum of the products' absolute values.
inline double sum_tolerance(int64_t terms, double magnitude) {
  const double kEpsilon = 0x1p-24;
  return (static_cast<double>(terms) + 2) * kEpsilon * magnitude * 1.5 +
         4e-6 * (1 + magnitude) * 0.1;
}

/// Slope of every activation is below this: what an error of the sum may grow to.
inline constexpr double kMaxSlope = 1.2;

}  // namespace edgefusion::kernels
