#pragma once

#include <ATen/core/Tensor.h>

#include <span>

// Hinge losses of a critic and of who wants to be taken for real by it (Lim and Ye 2017, arXiv
// 1705.02894). Verdicts above 0 mean real; of several heads, all weigh the same.

namespace edgefusion::train {

at::Tensor critic_loss(std::span<const at::Tensor> of_real, std::span<const at::Tensor> of_made);
at::Tensor fooling_loss(std::span<const at::Tensor> of_made);

}  // namespace edgefusion::train
