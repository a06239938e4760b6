#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/content_hash.h"
#include "core/mapped_file.h"
#include "core/result.h"

// Packing is the slow part of compile(). A region of packed weights can be kept in a file and
// mapped the next time; these are the terms in which the engine asks for that. Where such files are
// and what they look like is for others to decide.

namespace edgefusion::engine {

/// Part of every layout's hash. To be raised when packed bytes come out otherwise under the same
/// name of a kernel's row or panel layout. If that is forgotten, comparing samples of a found
/// region notices most of it.
constexpr uint32_t kPackedLayoutVersion = 1;

/// Which region: with the content of the weights file this decides every byte of it.
struct RegionKey {
  std::string network;  ///< the graph's name, for file names and messages
  Hash128 layout;       ///< which tensors lie where, packed by what
  size_t bytes = 0;
};

/// A region in a mapped file, 64-byte aligned. The file stays mapped as long as this lives.
struct MappedRegion {
  std::shared_ptr<const MappedFile> file;
  size_t offset = 0;
  size_t bytes = 0;

  const std::byte* data() const { return file->bytes().data() + offset; }
};

/// Takes a region's bytes from front to back.
class RegionWriter {
 public:
  virtual ~RegionWriter() = default;
  virtual Status append(std::span<const std::byte> bytes) = 0;
  /// After the last byte: keeps the region and maps it.
  virtual Result<MappedRegion> finish() = 0;
};

/// Regions of one network's weights kept between runs.
class PackedRegions {
 public:
  virtual ~PackedRegions() = default;
  /// The region of that key, checked; nothing if there is none or it is damaged. Pages that were
  /// read to check it stay in memory only if `keep_in_memory`.
  virtual std::optional<MappedRegion> find(const RegionKey& key, bool keep_in_memory) = 0;
  /// The region that was found holds other bytes than this program packs: it is of no use.
  virtual void reject(const RegionKey& key) = 0;
  /// Starts to write it; nullptr if it cannot or need not be kept. Whoever implements this tells
  /// the user why, once.
  virtual std::unique_ptr<RegionWriter> create(const RegionKey& key) = 0;
};

}  // namespace edgefusion::engine
