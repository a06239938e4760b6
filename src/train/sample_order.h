#pragma once

#include <cstdint>
#include <vector>

namespace edgefusion::train {

/// Which samples a training reads, without end: each pass over the data is a shuffle of its own,
/// drawn from seed and number of the pass. Any position can be asked for, so that a run that is
/// taken up again needs no more than the number of its step.
class SampleOrder {
 public:
  SampleOrder(int64_t samples, uint64_t seed) : samples_(samples), seed_(seed) {}

  /// Samples at positions [position, position + count).
  std::vector<int64_t> at(int64_t position, int64_t count);

 private:
  void shuffle(int64_t pass);

  int64_t samples_;
  uint64_t seed_;
  int64_t pass_ = -1;
  std::vector<int64_t> order_;  // of pass_
};

/// What random numbers of a run are for.
enum class Purpose : uint64_t { first_weights = 1, noise = 2, choice = 3, order = 4, crop = 5 };

/// A seed for one purpose at one step (batch, sample, pass), unlike all others'.
uint64_t mixed_seed(uint64_t seed, Purpose purpose, uint64_t step);

}  // namespace edgefusion::train
