#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>

#include "train/autoencoder_config.h"
#include "train/losses.h"
#include "train/picture_encoder.h"
#include "train/processes.h"
#include "train/tiny_autoencoder.h"

namespace edgefusion::train {

/// What an autoencoder's pictures and latents are judged by (AutoencoderConfig's weights).
class AutoencoderLosses {
 public:
  /// Errors: those of the teacher's folder; one whose latents have another shape.
  static Result<AutoencoderLosses> make(const AutoencoderConfig& config,
                                        const TinyAutoencoder& network);

  /// A critic that has learned nothing yet; nothing if none is asked for.
  std::optional<Parameters> first_critic() const;
  /// pictures [N,crop,crop,3] in -1..1; critic nullptr: without its terms. Every process calls it
  /// for as many pictures. Errors: those of `processes`.
  Result<Losses> of(const at::Tensor& pictures, const Networks& networks, bool with_critic,
                    Processes& processes) const;

 private:
  void add_critic_terms(const at::Tensor& pictures, const at::Tensor& restored,
                        const Parameters& critic, Losses& losses) const;

  const AutoencoderConfig* config_ = nullptr;
  const TinyAutoencoder* network_ = nullptr;
  std::optional<PictureEncoder> teacher_;  // whose latents are learned
  int64_t teacher_scale_ = 1;              // it sees pictures so many times smaller
  graph::Graph critic_;
};

}  // namespace edgefusion::train
