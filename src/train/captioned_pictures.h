#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/content_hash.h"
#include "core/log.h"
#include "core/result.h"
#include "shards/sample_filter.h"
#include "shards/shard_reader.h"

namespace edgefusion::train {

/// A sample that can be trained on.
struct CaptionedPicture {
  at::Tensor picture;                 ///< f32 [resolution,resolution,3] in -1..1
  std::vector<std::string> captions;  ///< the main one first, never empty
};

/// Where pictures come from, and how large they are made.
struct PictureSource {
  std::vector<std::filesystem::path> shards;
  int64_t resolution = 256;
  /// The square of a picture that is none lies anywhere along its longer side, by the seed and the
  /// sample's number, unless a caption tells of sides (mirroring.h); not: in the middle.
  bool random_crop = false;
  uint64_t seed = 0;
  shards::SampleFilter where = {};  ///< samples that are not wanted are passed over in silence
  bool captions_needed = true;      ///< not: a picture without any has an empty one
};

/// Who wants to know how far it is.
struct ReadingSinks {
  LogSink log;
  std::function<void(int64_t pictures)> progress;
  const std::atomic<bool>* cancel = nullptr;  ///< looked at between samples
};

/// Gives every sample of the shards to `take`, in their order. Samples that cannot be used (no
/// picture, no caption where one is needed, a picture that does not decode) are counted and named
/// to the log, and so is a shard that ends too early. Errors: not_found (a shard; no sample at
/// all), cancelled, those of `take`.
Status read_captioned_pictures(const PictureSource& source, const ReadingSinks& sinks,
                               const std::function<Status(CaptionedPicture)>& take);

/// All of them are there and begin as shards do: to be asked before a long run that reads them at
/// its end. Errors: those of opening the first that is not.
Status check_shards(const std::vector<std::filesystem::path>& shards);

/// Adds what tells two sources apart: contents of the shards, the resolution, how they are
/// cut. Errors: not_found.
Status hash_source(const PictureSource& source, ContentHasher& hasher);

/// captions.json of a cache's folder: for every picture all of its captions.
Status write_captions(const std::filesystem::path& folder,
                      const std::vector<std::vector<std::string>>& captions);
/// Errors: bad_file if they are not `count`.
Result<std::vector<std::vector<std::string>>> read_captions(const std::filesystem::path& folder,
                                                            int64_t count);

/// Makes a cache's folder with `build` unless it is there; it appears whole or not at all. Waits
/// for another program that makes one beside it. Errors: io, those of `build`.
Status make_cache_folder(const std::filesystem::path& folder,
                         const std::function<Status(const std::filesystem::path& partial)>& build);

}  // namespace edgefusion::train
