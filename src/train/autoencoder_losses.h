#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>

#include "train/autoencoder_config.h"
#include "train/losses.h"
#include "train/tiny_autoencoder.h"

namespace edgefusion::train {

/// An encoder whose latents another one shall learn.
class LatentTeacher {
 public:
  /// For pictures [batch,size,size,3]. Errors: those of its files; unsupported if the folder has
  /// no autoencoder.
  static Result<LatentTeacher> open(const std::filesystem::path& folder, int64_t batch,
                                    int64_t size, at::Device device);
  /// As a U-Net would see them (times the scaling factor).
  at::Tensor encode(const at::Tensor& pictures) const;
  const Shape& latents() const { return graph_.value(graph_.outputs()[0]).shape; }

 private:
  graph::Graph graph_;
  Parameters parameters_;
  double scale_ = 1;
};

/// What an autoencoder's pictures and latents are judged by (AutoencoderConfig's weights).
class AutoencoderLosses {
 public:
  /// Errors: those of the teacher's folder; one whose latents have another shape.
  static Result<AutoencoderLosses> make(const AutoencoderConfig& config,
                                        const TinyAutoencoder& network);

  /// A critic that has learned nothing yet; nothing if none is asked for.
  std::optional<Parameters> first_critic() const;
  /// pictures [N,crop,crop,3] in -1..1; critic nullptr: without its terms.
  Losses of(const at::Tensor& pictures, const Networks& networks, bool with_critic) const;

 private:
  void add_critic_terms(const at::Tensor& pictures, const at::Tensor& restored,
                        const Parameters& critic, Losses& losses) const;

  const AutoencoderConfig* config_ = nullptr;
  const TinyAutoencoder* network_ = nullptr;
  std::optional<LatentTeacher> teacher_;
  graph::Graph critic_;
};

}  // namespace edgefusion::train
