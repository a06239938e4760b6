#pragma once

#include <ATen/core/Tensor.h>

namespace edgefusion::train {

/// Symmetric InfoNCE (Radford et al. 2021, CLIP): each picture is to find its text among all texts,
/// each of the first B texts its picture among all pictures.
struct ContrastiveLoss {
  at::Tensor total;  ///< mean of both directions
  at::Tensor found;  ///< share of pictures whose own text is the most similar one
};

/// pictures [B,E] and texts [M,E], M >= B, of length 1; text i belongs to picture i. kin bool
/// [B,M]: pairs that are neither right nor wrong (the diagonal is right whatever it says). scale:
/// of the cosines, the inverse of the temperature.
ContrastiveLoss contrastive_loss(const at::Tensor& pictures, const at::Tensor& texts,
                                 const at::Tensor& kin, const at::Tensor& scale);

/// Rows of length 1.
at::Tensor unit_rows(const at::Tensor& x);

}  // namespace edgefusion::train
