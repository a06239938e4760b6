#include "profile/profile.h"

#include <algorithm>
#include <limits>

namespace edgefusion::profile {
namespace {

/// Files may hold any numbers.
int64_t saturating_sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

}  // namespace

double Samples::min() const { return ms.empty() ? 0 : *std::ranges::min_element(ms); }

double Samples::median() const {
  if (ms.empty()) return 0;
  std::vector<double> sorted = ms;
  std::ranges::sort(sorted);
  return sorted[sorted.size() / 2];
}

Samples& Samples::operator+=(const Samples& other) {
  ms.resize(std::max(ms.size(), other.ms.size()), 0.0);
  for (size_t i = 0; i < other.ms.size(); ++i) ms[i] += other.ms[i];
  return *this;
}

double Cost::intensity() const {
  return bytes() > 0 ? static_cast<double>(macs) / static_cast<double>(bytes()) : 0;
}

int64_t Cost::bytes() const { return saturating_sum(read_bytes, written_bytes); }

Cost& Cost::operator+=(const Cost& other) {
  macs = saturating_sum(macs, other.macs);
  read_bytes = saturating_sum(read_bytes, other.read_bytes);
  written_bytes = saturating_sum(written_bytes, other.written_bytes);
  return *this;
}

double Machine::macs_per_s(engine::Precision arithmetic) const {
  switch (arithmetic) {
    case engine::Precision::f32:
      return f32_macs_per_s;
    case engine::Precision::bf16:
      return bf16_macs_per_s;
    case engine::Precision::int8:
      return int8_macs_per_s;
  }
  return 0;
}

}  // namespace edgefusion::profile
