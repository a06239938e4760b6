#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "formats/diffusers_folder.h"
#include "graph/graph.h"
#include "train/parameters.h"

namespace edgefusion::train {

/// Both halves of an AutoencoderTiny as graphs for pictures of one size, over tensors of one file.
class TinyAutoencoder {
 public:
  /// Errors: those of the config; unsupported for other classes; invalid_argument if the size is
  /// no multiple of its pixels per latent.
  static Result<TinyAutoencoder> make(const nlohmann::json& config, const std::string& origin,
                                      int64_t batch, int64_t size);

  /// From `start` what it has of either half (nullptr: nothing), the rest as new. Errors:
  /// bad_file for a half that does not fit.
  Result<Parameters> parameters(const formats::NetworkFiles* start, uint64_t seed) const;

  /// pictures [N,size,size,3] in -1..1 -> latents [N,h,w,C]
  at::Tensor encode(const Parameters& parameters, const at::Tensor& pictures) const;
  at::Tensor decode(const Parameters& parameters, const at::Tensor& latents) const;

  /// Encoder and decoder.
  std::array<const graph::Graph*, 2> halves() const { return {&encoder_, &decoder_}; }
  const Shape& latents() const { return encoder_.value(encoder_.outputs()[0]).shape; }
  int64_t macs_per_picture() const;
  int64_t parameter_count() const;

 private:
  graph::Graph encoder_, decoder_;
  nlohmann::json config_;
  int64_t batch_ = 0, size_ = 0;
};

}  // namespace edgefusion::train
