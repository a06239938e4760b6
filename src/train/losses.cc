#include "train/losses.h"

#include <ATen/ATen.h>

namespace edgefusion::train {

void Losses::add(const std::string& name, double weight, const at::Tensor& term) {
  terms[name] = term.detach();
  const at::Tensor weighted = term * weight;
  total = total.defined() ? total + weighted : weighted;
}

}  // namespace edgefusion::train
