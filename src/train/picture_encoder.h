#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>

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
  /// folder: of one autoencoder; empty: the model's own. Errors: those of its files, among them an
  /// encoder whose weights are not there.
  static Result<PictureEncoder> open(const std::filesystem::path& folder,
                                     const pipeline::Model& model, int64_t resolution,
                                     at::Device device);

  /// pictures [N,resolution,resolution,3] -> latents [N,h,w,C], as the U-Net has them, both on the
  /// CPU.
  at::Tensor encode(const at::Tensor& pictures);
  /// Adds what tells its latents from another's: config, weights and scale.
  void hash_into(ContentHasher& hasher) const;

 private:
  PictureEncoder() = default;

  formats::NetworkFiles files_;
  Parameters parameters_;
  double scale_ = 1.0;
  int64_t resolution_ = 0;
  at::Device device_ = at::kCPU;
};

}  // namespace edgefusion::train
