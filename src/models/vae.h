#pragma once

#include <cstdint>

#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "models/vae_config.h"

namespace edgefusion::models {

struct PictureShape {
  int64_t batch = 1;
  int64_t height = 64, width = 64;
};

/// Decoder of Stable Diffusion's autoencoder (diffusers AutoencoderKL.decode).
/// Input: latent [N,h,w,L], divided by the scaling factor already. Output: image [N,H,W,3],
/// about -1 to 1. `shape` is that of the latents. Weights of the encoder are not asked for.
/// Errors: invalid_argument for sizes out of range; one error that lists every missing, misshapen
/// or unused tensor.
Result<graph::Graph> build_vae_decoder(const VaeConfig& config, const PictureShape& shape,
                                       const TensorSource* weights);

/// Its encoder (AutoencoderKL.encode). Input: image [N,H,W,3], -1 to 1. Output: latent [N,h,w,L],
/// the mean, not scaled. `shape` is that of the image. Errors: as above.
Result<graph::Graph> build_vae_encoder(const VaeConfig& config, const PictureShape& shape,
                                       const TensorSource* weights);

}  // namespace edgefusion::models
