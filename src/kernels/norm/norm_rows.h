#pragma once

#include "kernels/highway_dispatch.h"
#include "kernels/norm/norm.h"

// Shared by the rows of the norm table and by nothing else.

namespace edgefusion::kernels {

/// The same for every instruction set.
void group_norm_merge(const GroupNorm& norm, const GroupMoments* moments, float* scale,
                      float* shift) noexcept;

struct RowStatistics {
  float mean;
  float rstd;
};

/// From a first guess of the mean, and the means of x - guess and of its square.
RowStatistics row_statistics(float guess, float mean_deviation, float mean_square, float eps);

/// What differs between the rows.
struct NormFunctions {
  decltype(NormKernels::group_norm_moments) moments;
  decltype(NormKernels::group_norm_apply) apply;
  decltype(NormKernels::layer_norm) layer_norm;
};

/// Those for a dtype, f32 or bf16.
using NormFunctionsFor = NormFunctions (*)(DType dtype);

HighwayVariants<NormFunctionsFor> norm_variants();
NormFunctions norm_functions_scalar(DType dtype);

}  // namespace edgefusion::kernels
