#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "core/atomic_file.h"
#include "core/result.h"

namespace edgefusion {

/// A whole regular file mapped read only.
class MappedFile {
 public:
  /// Errors: not_found, io (directory, no permission). An empty file gives an empty span.
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Drops the pages of [offset, offset + size), and near ones that came with them, from this
  /// process's memory; reading them again brings them back from the file.
  void drop_pages(size_t offset, size_t size) const;
  /// Brings the pages of [offset, offset + size) into this process's memory at once, which is
  /// cheaper than a fault for each.
  void fetch_pages(size_t offset, size_t size) const;

 private:
  MappedFile() = default;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// The whole file as a string, at most max_bytes (error names the limit).
Result<std::string> read_text_file(const std::filesystem::path& path, size_t max_bytes);

}  // namespace edgefusion
