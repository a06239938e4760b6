#pragma once

#include <cstdint>

#include "core/activation.h"

namespace edgefusion::kernels {

/// What a matrix kernel does to its sums before it leaves them:
///   y = act(bias[n] + sum) + residual[m,n]                    (the usual order)
///   y = act(bias[n] + sum + residual[m,n])                    (activation_after_residual)
/// The residual has the dtype of dst and must not overlap it: dst holds partial sums on the way.
struct Epilogue {
  const float* bias = nullptr;  ///< [N], not padded; null: zeros
  Activation activation = Activation::none;
  bool activation_after_residual = false;
  const float* residual = nullptr;  ///< [M,N]; null: none
  int64_t residual_stride = 0;      ///< elements from one row to the next
};

}  // namespace edgefusion::kernels
