#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "core/content_hash.h"
#include "core/mapped_file.h"
#include "core/result.h"

// A file that holds one region of packed weights and is only ever mapped. Numbers are
// little-endian:
//
//   0   "EFPACKED"                       32  content bytes
//   8   u32 version of this layout, 1    40  bytes of a block, 1048576
//   12  u32 bytes of this header, 4096   48  XXH3-64 of bytes 0 to 47
//   16  key: high u64, low u64           56  zeros
//   4096  the content, so that it begins on a page
//   then  XXH3-64 of each block (the last may be short), then XXH3-64 of these sums

namespace edgefusion::formats {

/// A packed file whose frame is proven: header, sizes and sums of the sums. The content's blocks
/// are checked one by one, so that threads can share the work.
class PackedFile {
 public:
  static constexpr size_t kHeaderBytes = 4096;
  static constexpr size_t kBlockBytes = size_t{1} << 20;

  /// Errors: not_found, io; bad_file naming what is wrong.
  static Result<PackedFile> open(const std::filesystem::path& path);
  /// The same on bytes that somebody keeps alive as long as this object.
  static Result<PackedFile> parse(std::span<const std::byte> bytes, const std::string& origin);

  const Hash128& key() const { return key_; }
  std::span<const std::byte> content() const { return content_; }
  int64_t blocks() const {
    return static_cast<int64_t>((content_.size() + kBlockBytes - 1) / kBlockBytes);
  }
  std::span<const std::byte> block(int64_t index) const;
  /// The block has the sum it had when it was written.
  bool is_intact(int64_t index) const;
  /// bad_file for a block that is not intact, as a message.
  Error damaged_block(int64_t index) const;

  /// The mapping behind an opened file, to keep the content alive; nullptr after parse().
  const std::shared_ptr<const MappedFile>& file() const { return file_; }

 private:
  PackedFile() = default;

  std::string origin_;
  Hash128 key_;
  std::span<const std::byte> content_;
  std::span<const std::byte> sums_;  // 8 bytes each, unaligned
  std::shared_ptr<const MappedFile> file_;
};

/// Writes such a file front to back; it appears under its name when finish() succeeds.
class PackedFileWriter {
 public:
  /// Errors as AtomicFile's.
  static Result<PackedFileWriter> create(const std::filesystem::path& path, const Hash128& key,
                                         uint64_t content_bytes);

  Status append(std::span<const std::byte> bytes);
  /// After exactly content_bytes (checked).
  Status finish();

 private:
  PackedFileWriter(AtomicFile file, uint64_t content_bytes)
      : file_(std::move(file)), left_(content_bytes) {}

  void end_block();

  AtomicFile file_;
  uint64_t left_;
  std::vector<std::byte> block_;  // not yet summed
  std::vector<std::byte> sums_;
};

}  // namespace edgefusion::formats
