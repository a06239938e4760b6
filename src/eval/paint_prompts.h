#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "core/result.h"
#include "engine/program.h"
#include "formats/image.h"
#include "pipeline/text_to_image.h"

namespace edgefusion::eval {

/// How prompts are painted. Absent values are the model's defaults.
struct PaintOptions {
  int steps = 1;
  std::optional<double> guidance_scale;
  std::optional<int> width, height;  ///< pixels
  uint64_t seed = 0;                 ///< of the first prompt; prompt i has seed + i
  engine::Precision precision = engine::Precision::f32;
  std::function<void(size_t done, size_t total)> progress;
  const std::atomic<bool>* cancel = nullptr;
};

/// What painting them took.
struct PaintReport {
  /// Mean over pictures of text encoder, U-Net and decoder, without loading them.
  double ms_per_picture = 0;
  double guidance_scale = 0;  ///< what was used
  std::string scheduler;      ///< what was used
};

/// Gives one picture for each prompt to `take`, in their order. Errors: those of
/// TextToImage::generate, with the number of the prompt; those of `take`.
Result<PaintReport> paint_prompts(const pipeline::TextToImage& painter,
                                  std::span<const std::string> prompts, const PaintOptions& options,
                                  const std::function<Status(formats::Image)>& take);

}  // namespace edgefusion::eval
