#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "train/parameters.h"

namespace edgefusion::train {

/// Scalars of one batch.
struct Losses {
  at::Tensor total;                         ///< of the network
  at::Tensor critic;                        ///< of its critic; undefined: there is none
  std::map<std::string, at::Tensor> terms;  ///< what the total is made of, for the metrics

  /// A part of the total.
  void add(const std::string& name, double weight, const at::Tensor& term);
};

/// Everything that is trained, at some step.
struct Networks {
  const Parameters& parameters;
  const Parameters& average;           ///< of the parameters so far, frozen
  const Parameters* critic = nullptr;  ///< nullptr: none
  int64_t step = 0;                    ///< steps that are done
};

}  // namespace edgefusion::train
