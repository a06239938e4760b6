#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "core/content_hash.h"
#include "core/result.h"

namespace edgefusion::pipeline {

/// What tells a file from the same file changed, without reading it.
struct FileStamp {
  uint64_t size = 0, inode = 0;
  int64_t mtime_ns = 0, ctime_ns = 0;

  bool operator==(const FileStamp&) const = default;
};

/// Hashes of files by content. Reading a gigabyte at each start would cost more than it saves, so
/// an index file remembers them by path and stamp; a lost or damaged index costs a second reading.
class FileHashes {
 public:
  explicit FileHashes(std::filesystem::path index) : index_(std::move(index)) {}

  /// Errors: the file cannot be read. An index that cannot be written is no error.
  Result<Hash128> hash(const std::filesystem::path& file);

 private:
  struct Entry {
    FileStamp stamp;
    Hash128 hash;
  };

  void read_index();
  void write_index() const;

  std::filesystem::path index_;
  bool read_ = false;
  std::map<std::string, Entry> entries_;  // by canonical path
};

}  // namespace edgefusion::pipeline
