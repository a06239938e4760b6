#include "train/hinge_loss.h"

#include <ATen/ATen.h>

#include <vector>

namespace edgefusion::train {
namespace {

at::Tensor mean_of(const std::vector<at::Tensor>& scalars) { return at::stack(scalars).mean(); }

}  // namespace

at::Tensor critic_loss(std::span<const at::Tensor> of_real, std::span<const at::Tensor> of_made) {
  std::vector<at::Tensor> parts;
  for (size_t i = 0; i < of_real.size(); ++i) {
    parts.push_back(at::relu(1 - of_real[i]).mean() + at::relu(1 + of_made[i]).mean());
  }
  return mean_of(parts);
}

at::Tensor fooling_loss(std::span<const at::Tensor> of_made) {
  std::vector<at::Tensor> parts;
  for (const at::Tensor& verdict : of_made) parts.push_back(-verdict.mean());
  return mean_of(parts);
}

}  // namespace edgefusion::train
