#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "core/result.h"

namespace edgefusion::shards {

/// Writes a WebDataset shard, a tar that is gzipped where the name ends in "gz": the same members
/// give the same bytes, for no times or owners are kept. The file appears whole with commit(), or
/// not at all.
class ShardWriter {
 public:
  /// Errors: io, not_found (no such folder).
  static Result<ShardWriter> create(const std::filesystem::path& path);
  ~ShardWriter();
  ShardWriter(ShardWriter&&) noexcept;
  ShardWriter& operator=(ShardWriter&&) noexcept;

  /// The member "KEY.EXTENSION"; those of one key must follow each other. Errors: invalid_argument
  /// (a name that ShardReader would not give back), io, resource_exhausted (disk full).
  Status add(const std::string& key, const std::string& extension,
             std::span<const std::byte> content);
  Status add(const std::string& key, const std::string& extension, const std::string& text);
  /// Errors: io, resource_exhausted.
  Status commit();

 private:
  struct Implementation;
  explicit ShardWriter(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace edgefusion::shards
