#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "pipeline/model.h"
#include "train/captioned_pictures.h"
#include "train/latent_bytes.h"
#include "train/train_config.h"

namespace edgefusion::train {

/// All pictures of the shards as latents, with their captions: encoded once, kept in f16 or in
/// bytes in a file, mapped by every later run. A folder is used again only if shards (names and
/// sizes), resolution, mirroring, encoder and the form of the latents are the same.
class LatentCache {
 public:
  /// Opens the folder below `folder` that fits, or makes it. Errors: those of the encoder's files
  /// and of read_captioned_pictures; io.
  static Result<LatentCache> open(const TrainConfig& config, const pipeline::Model& model,
                                  const std::filesystem::path& folder, const ReadingSinks& sinks);

  int64_t count() const { return static_cast<int64_t>(captions_.size()); }
  /// f32 [N,h,w,C] as the U-Net has them; mirrored[i]: the mirrored picture's.
  at::Tensor latents(std::span<const int64_t> samples, std::span<const uint8_t> mirrored) const;
  /// All captions of a sample, the main one first.
  const std::vector<std::string>& captions(int64_t sample) const {
    return captions_[static_cast<size_t>(sample)];
  }
  int64_t height() const { return latents_.size(1); }
  int64_t width() const { return latents_.size(2); }

 private:
  static Result<LatentCache> read(const std::filesystem::path& folder, bool with_mirrored);

  std::shared_ptr<formats::SafetensorsFile> file_;
  // Views of the file, f16 or u8 [samples,h,w,C]; mirrored_ may be absent, and range_ is of bytes.
  at::Tensor latents_, mirrored_;
  LatentRange range_;
  std::vector<std::vector<std::string>> captions_;
};

}  // namespace edgefusion::train
