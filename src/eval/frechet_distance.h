#pragma once

#include "core/result.h"
#include "core/tensor.h"

namespace edgefusion::eval {

/// Distance between two sets of features [N,D] and [M,D], each taken for a normal distribution:
/// |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2), with unbiased covariances. FID if the features are
/// those of Inception. Fewer pictures than features are fine for the formula, but make the distance
/// larger: compare only sets of one size. Never below zero.
/// Source: Heusel et al. 2017. Errors: invalid_argument for a set of fewer than two, which has no
/// covariance.
Result<double> frechet_distance(const Tensor& a, const Tensor& b);

}  // namespace edgefusion::eval
