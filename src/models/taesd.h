#pragma once

#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "models/taesd_config.h"
#include "models/vae.h"

namespace edgefusion::models {

/// Decoder of TAESD, a distilled autoencoder (diffusers AutoencoderTiny.decode; Ollin Boer Bohan's
/// taesd). Input: latent [N,h,w,L]. Output: image [N,H,W,3], -1 to 1. `shape` is that of the
/// latents. Files with the keys of diffusers ("decoder.layers.0.weight") and with those of the
/// original ("1.weight") are accepted.
/// Errors: invalid_argument for sizes out of range; one error that lists every missing, misshapen
/// or unused tensor.
Result<graph::Graph> build_taesd_decoder(const TaesdConfig& config, const PictureShape& shape,
                                         const TensorSource* weights);

/// Its encoder. Input: image [N,H,W,3], -1 to 1. Output: latent [N,h,w,L]. `shape` is that of the
/// image. Errors: as above.
Result<graph::Graph> build_taesd_encoder(const TaesdConfig& config, const PictureShape& shape,
                                         const TensorSource* weights);

}  // namespace edgefusion::models
