#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace edgefusion::shards {

/// One sample of a shard: the members of one key, by what follows the key ("webp", "txt", "json").
struct ShardSample {
  std::string key;
  std::map<std::string, std::vector<std::byte>, std::less<>> members;

  /// The member as text; empty if there is none.
  std::string text(std::string_view extension) const;
};

/// Reads a WebDataset shard: a tar, plain or compressed (gzip, xz, zstd), whose neighbouring
/// members "KEY.EXTENSION" make up a sample. Folders, links and names without an extension are
/// passed over.
class ShardReader {
 public:
  /// Errors: not_found, bad_file (not an archive).
  static Result<ShardReader> open(const std::filesystem::path& path);
  ~ShardReader();
  ShardReader(ShardReader&&) noexcept;
  ShardReader& operator=(ShardReader&&) noexcept;

  /// The next sample, nothing at the end. Errors: bad_file (cut short, corrupt), unsupported (a
  /// member of more than 256 MiB; nothing of it is read). After an error the shard is at its end.
  Result<std::optional<ShardSample>> next();

 private:
  struct Implementation;
  explicit ShardReader(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace edgefusion::shards
