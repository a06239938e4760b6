#include "train/sample_order.h"

#include <cstddef>
#include <numeric>
#include <utility>

#include "core/split_mix.h"

namespace edgefusion::train {
uint64_t mixed_seed(uint64_t seed, Purpose purpose, uint64_t step) {
  uint64_t state = seed;
  state = split_mix(state) ^ static_cast<uint64_t>(purpose);
  state = split_mix(state) ^ step;
  return split_mix(state);
}

void SampleOrder::shuffle(int64_t pass) {
  pass_ = pass;
  order_.resize(static_cast<std::size_t>(samples_));
  std::iota(order_.begin(), order_.end(), int64_t{0});
  // Not std::shuffle, whose result differs between libraries.
  uint64_t state = mixed_seed(seed_, Purpose::order, static_cast<uint64_t>(pass));
  for (std::size_t i = order_.size(); i > 1; --i) {
    std::swap(order_[i - 1], order_[split_mix(state) % i]);
  }
}

std::vector<int64_t> SampleOrder::at(int64_t position, int64_t count) {
  std::vector<int64_t> samples;
  for (int64_t i = position; i < position + count; ++i) {
    if (i / samples_ != pass_) shuffle(i / samples_);
    samples.push_back(order_[static_cast<std::size_t>(i % samples_)]);
  }
  return samples;
}

}  // namespace edgefusion::train
