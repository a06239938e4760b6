#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>

#include "core/mapped_file.h"
#include "train/captioned_pictures.h"

namespace edgefusion::train {

/// All pictures of the shards at one size, 8 bits a channel in a file that every later run maps: a
/// random one is at hand without unpacking a shard. Used again as LatentCache is.
class PictureCache {
 public:
  /// Errors: those of read_captioned_pictures; io; resource_exhausted (disk full).
  static Result<PictureCache> open(const PictureSource& source, const std::filesystem::path& folder,
                                   const ReadingSinks& sinks);

  int64_t count() const { return pictures_.size(0); }
  int64_t resolution() const { return pictures_.size(1); }
  /// f32 [N,size,size,3] in -1..1: squares of `size` pixels, the i-th beginning at corners[i]
  /// (row, column).
  at::Tensor squares(std::span<const int64_t> samples,
                     std::span<const std::pair<int64_t, int64_t>> corners, int64_t size) const;
  /// The whole pictures.
  at::Tensor pictures(std::span<const int64_t> samples) const;
  const std::vector<std::string>& captions(int64_t sample) const {
    return captions_[static_cast<size_t>(sample)];
  }

 private:
  static Result<PictureCache> read(const std::filesystem::path& folder, int64_t resolution);

  std::shared_ptr<MappedFile> file_;
  at::Tensor pictures_;  // view of the file, u8 [samples,h,w,3]
  std::vector<std::vector<std::string>> captions_;
};

}  // namespace edgefusion::train
