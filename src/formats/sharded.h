#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"
#include "formats/safetensors.h"

namespace edgefusion::formats {

/// Weights split over several safetensors files, as one source.
class ShardedSafetensors : public TensorSource {
 public:
  /// Opens what a `*.safetensors.index.json` lists in its weight_map (tensor -> shard file).
  /// Shards are plain file names beside the index; index and shards must name the same tensors.
  /// Errors: not_found (index or shard), bad_file, and those of SafetensorsFile::open.
  static Result<ShardedSafetensors> open(const std::filesystem::path& index_path);

  const ConstTensorView* find(std::string_view name) const override;
  std::vector<std::string> names() const override;
  std::string origin() const override { return origin_; }
  std::vector<std::string> files() const override;
  void release(std::string_view name) const override;

 private:
  ShardedSafetensors() = default;

  std::string origin_;
  std::vector<SafetensorsFile> shards_;
  std::map<std::string, size_t, std::less<>> shard_of_;  // tensor -> index into shards_
};

}  // namespace edgefusion::formats
