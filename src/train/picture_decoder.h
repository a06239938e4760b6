#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

#include "graph/graph.h"
#include "pipeline/model.h"
#include "train/parameters.h"

namespace edgefusion::train {

/// The decoder half of an autoencoder, frozen: gradients go through it into latents.
class PictureDecoder {
 public:
  PictureDecoder() = default;
  /// For latents [batch,height,width,C]. folder: of one autoencoder; empty: the model's own.
  /// Errors: those of its files; unsupported if its latents have other channels than the model's.
  static Result<PictureDecoder> open(const std::filesystem::path& folder,
                                     const pipeline::Model& model, const Shape& latents,
                                     at::Device device);

  /// Latents as the U-Net has them -> pictures [N,H,W,3], about -1 to 1.
  at::Tensor decode(const at::Tensor& latents) const;

 private:
  graph::Graph graph_;
  Parameters parameters_;
  double scale_ = 1.0;
};

}  // namespace edgefusion::train
