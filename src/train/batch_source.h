#pragma once

#include <ATen/core/Tensor.h>

#include "train/latent_cache.h"
#include "train/noise_levels.h"
#include "train/sample_order.h"
#include "train/text_states.h"
#include "train/train_config.h"

namespace edgefusion::train {

/// One batch, ready for the network.
struct Batch {
  at::Tensor clean;         ///< latents [N,h,w,C]
  at::Tensor noise;         ///< like clean
  at::Tensor t;             ///< timesteps [N] i64
  at::Tensor states;        ///< of the captions, [N,T,D]
  at::Tensor without;       ///< of the empty caption, [N,T,D]
  at::Tensor critic_noise;  ///< like noise, for what a critic looks at
  at::Tensor choices;       ///< [N,2] even in [0,1), for what else an objective draws

  /// Takes all of it to a device.
  void move_to(at::Device device);
};

/// Batches by number: number n has the samples at positions n * batch and on. Everything random of
/// a sample comes from the seed and its position alone, so that a run can be taken up at any step,
/// and two batches that follow each other are one of twice the size.
class BatchSource {
 public:
  BatchSource(const TrainConfig& config, LatentCache cache, TextStates text, int64_t timesteps);

  int64_t height() const { return cache_.height(); }
  int64_t width() const { return cache_.width(); }
  /// Errors: a caption that is no UTF-8.
  Result<Batch> batch(int64_t number);

 private:
  /// Noise, timesteps and choices of the samples from position `first` on.
  void draw(int64_t first, Batch& batch) const;

  TrainConfig config_;
  LatentCache cache_;
  TextStates text_;
  int64_t timesteps_;
  SampleOrder order_;
  std::vector<uint8_t> may_mirror_;  // of each sample, by its captions
  at::Tensor empty_;                 // states of the empty caption, once they have been asked for
};

}  // namespace edgefusion::train
