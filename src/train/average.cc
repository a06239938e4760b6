#include "train/average.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace edgefusion::train {

void update_average(Parameters& average, const Parameters& parameters, double decay) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : average.all()) {
    tensor.lerp_(parameters.at(name).detach(), 1.0 - decay);
  }
}

double average_decay_at(double decay, int64_t step) {
  const auto done = static_cast<double>(step);
  return std::min(decay, (1 + done) / (10 + done));
}

}  // namespace edgefusion::train
