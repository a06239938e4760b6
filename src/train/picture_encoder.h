#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "core/content_hash.h"
#include "formats/diffusers_folder.h"
#include "formats/image.h"
#include "pipeline/model.h"
#include "train/parameters.h"

namespace edgefusion::train {

/// shards::square_picture as a tensor: f32 [resolution,resolution,3], -1 to 1.
at::Tensor picture_tensor(const formats::Image& image, int64_t resolution, double position = 0.5);

/// The encoder half of an autoencoder, frozen.
class PictureEncoder {
 public:
  /// Latents are multiplied with `scale`; `size` is for latent_shape(). Errors: those of the files,
  /// among them an encoder whose weights are not there.
  static Result<PictureEncoder> open(formats::NetworkFiles files, double scale, int64_t size,
                                     at::Device device);

  /// pictures [N,S,S,3] of any size that fills latents -> latents [N,h,w,C] on its device, as a
  /// U-Net has them.
  at::Tensor encode(const at::Tensor& pictures) const;
  /// Of one picture of that size, [1,h,w,C].
  const Shape& latent_shape() const { return latent_shape_; }
  /// config.json of the autoencoder, for messages.
  const std::string& origin() const { return files_.config_origin; }
  /// Adds what tells its latents from another's: config, weights and scale.
  void hash_into(ContentHasher& hasher) const;

 private:
  PictureEncoder() = default;

  formats::NetworkFiles files_;
  Parameters parameters_;
  Shape latent_shape_;
  double scale_ = 1.0;
  mutable std::map<std::pair<int64_t, int64_t>, graph::Graph> graphs_;  // by number and size
  at::Device device_ = at::kCPU;
};

}  // namespace edgefusion::train
