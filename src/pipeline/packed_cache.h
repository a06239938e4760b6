#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/result.h"
#include "core/runtime.h"
#include "core/tensor.h"
#include "engine/packed_regions.h"
#include "pipeline/file_hashes.h"

namespace edgefusion::pipeline {

struct PackedCacheOptions {
  std::filesystem::path folder;  ///< made when there is something to keep
  /// Smaller regions are packed in less time than it takes to look for them.
  size_t least_bytes = size_t{16} << 20;
  /// Of all regions in the folder; the ones not used for longest go first.
  uint64_t most_bytes = uint64_t{16} << 30;
};

/// A folder of packed regions, one file each, named after all that decides its bytes: content hash
/// of the weights, layout, instruction set. Files appear whole; a damaged one is packed again with
/// a word in the log; a folder that cannot be written is told once and means no cache. Processes
/// may share the folder. For use by one thread; lives as long as what it gives out.
class PackedCache {
 public:
  PackedCache(PackedCacheOptions options, const Runtime& runtime);

  /// The regions made of these weights. With `any_size`, small ones are kept too.
  std::unique_ptr<engine::PackedRegions> of(const TensorSource& weights, bool any_size = false);

 private:
  class Regions;
  class Writer;

  Result<Hash128> weights_hash(const TensorSource& weights);
  /// Says once why nothing is kept.
  void tell_unwritable(const Error& error);
  void make_folder() const;
  void remove_old(const std::filesystem::path& newest) const;

  PackedCacheOptions options_;
  const Runtime& runtime_;
  FileHashes hashes_;
  bool told_ = false;
};

}  // namespace edgefusion::pipeline
