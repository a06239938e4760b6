#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "core/result.h"

namespace edgefusion {

/// A file that appears under its name whole or not at all: bytes go to a temporary name in the same
/// folder, commit() renames it. Without a commit nothing is left behind. Devices and pipes cannot
/// be renamed to and are written in place.
/// Errors: io (unwritable folder), resource_exhausted (disk or quota full), with path and reason.
class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::filesystem::path& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  Status write(std::span<const std::byte> bytes);
  /// Closes and renames; after it (or after an error) the object only waits for its end.
  Status commit();

 private:
  AtomicFile() = default;

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty: `path_` is a device, written in place
  int fd_ = -1;
};

/// All of it in one call.
Status write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace edgefusion
