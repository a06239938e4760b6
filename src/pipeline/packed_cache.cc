#include "pipeline/packed_cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "formats/packed_file.h"

namespace edgefusion::pipeline {
namespace {

namespace fs = std::filesystem;
using engine::MappedRegion;
using engine::RegionKey;
using formats::PackedFile;

constexpr const char* kExtension = ".packed";
constexpr auto kStaleTemporary = std::chrono::hours(24);

/// The network's name as part of a file's.
std::string plain(std::string name) {
  for (char& letter : name) {
    const bool kept = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
                      (letter >= 'A' && letter <= 'Z') || letter == '_';
    if (!kept) letter = '_';
  }
  return name;
}

/// Reads all of the content once, in parallel. -1, or a block that is damaged.
int64_t find_damage(const PackedFile& file, bool keep_in_memory, ThreadPool& pool) {
  std::atomic<int64_t> damaged = -1;
  pool.parallel_for(file.blocks(), [&](int64_t begin, int64_t end, int) {
    for (int64_t block = begin; block < end && damaged.load() < 0; ++block) {
      const auto bytes = file.block(block);
      const auto offset = static_cast<size_t>(bytes.data() - file.file()->bytes().data());
      file.file()->fetch_pages(offset, bytes.size());
      if (!file.is_intact(block)) damaged.store(block);
      if (!keep_in_memory) file.file()->drop_pages(offset, bytes.size());
    }
  });
  return damaged.load();
}

/// The file's content, if it is what its name says.
Result<MappedRegion> region_of(const PackedFile& file, const fs::path& path, const Hash128& key,
                               size_t bytes) {
  if (file.key() == key && file.content().size() == bytes) {
    return MappedRegion{file.file(), PackedFile::kHeaderBytes, bytes};
  }
  return fail(ErrorCode::bad_file, path.string() + ": key: expected " + key.to_hex() + " of " +
                                       std::to_string(bytes) + " bytes, found " +
                                       file.key().to_hex() + " of " +
                                       std::to_string(file.content().size()));
}

}  // namespace

class PackedCache::Writer : public engine::RegionWriter {
 public:
  Writer(PackedCache& cache, formats::PackedFileWriter file, fs::path path, Hash128 key,
         size_t bytes)
      : cache_(cache), file_(std::move(file)), path_(std::move(path)), key_(key), bytes_(bytes) {}

  Status append(std::span<const std::byte> bytes) override { return told(file_.append(bytes)); }

  Result<MappedRegion> finish() override {
    EF_TRY_STATUS(told(file_.finish()));
    cache_.remove_old(path_);
    // What was just written needs no check.
    EF_TRY(const PackedFile file, PackedFile::open(path_));
    return region_of(file, path_, key_, bytes_);
  }

 private:
  Status told(Status status) {
    if (!status) cache_.tell_unwritable(status.error());
    return status;
  }

  PackedCache& cache_;
  formats::PackedFileWriter file_;
  fs::path path_;
  Hash128 key_;
  size_t bytes_;
};

class PackedCache::Regions : public engine::PackedRegions {
 public:
  Regions(PackedCache& cache, const TensorSource& weights, size_t least_bytes)
      : cache_(cache), weights_(weights), least_bytes_(least_bytes) {}

  std::optional<MappedRegion> find(const RegionKey& key, bool keep_in_memory) override {
    if (!is_kept(key)) return std::nullopt;
    auto region = checked(key, keep_in_memory);
    if (region) {
      ::utimensat(AT_FDCWD, path_of(key).c_str(), nullptr, 0);  // used now, for remove_old()
      return std::move(*region);
    }
    if (region.error().code() != ErrorCode::not_found) {
      cache_.runtime_.log(LogLevel::warn, region.error().message() + "; packing again");
    }
    return std::nullopt;
  }

  void reject(const RegionKey& key) override {
    cache_.runtime_.log(
        LogLevel::warn,
        path_of(key).string() + ": packed otherwise than this program packs; packing again");
  }

  std::unique_ptr<engine::RegionWriter> create(const RegionKey& key) override {
    if (!is_kept(key)) return nullptr;
    cache_.make_folder();
    auto file = formats::PackedFileWriter::create(path_of(key), file_key(key), key.bytes);
    if (!file) {
      cache_.tell_unwritable(file.error());
      return nullptr;
    }
    return std::make_unique<Writer>(cache_, std::move(*file), path_of(key), file_key(key),
                                    key.bytes);
  }

 private:
  /// Large enough, and its weights lie in files that can be told apart.
  bool is_kept(const RegionKey& key) {
    if (key.bytes < least_bytes_) return false;
    if (!hash_) {
      auto hash = cache_.weights_hash(weights_);
      if (!hash) {
        cache_.tell_unwritable(hash.error());
        return false;
      }
      hash_ = *hash;
    }
    return true;
  }

  Hash128 file_key(const RegionKey& key) const {
    ContentHasher hasher;
    hasher.add_text(hash_->to_hex());
    hasher.add_text(key.layout.to_hex());
    hasher.add_number(key.bytes);
    return hasher.result();
  }

  fs::path path_of(const RegionKey& key) const {
    return cache_.options_.folder /
           (plain(key.network) + "-" + file_key(key).to_hex() + kExtension);
  }

  Result<MappedRegion> checked(const RegionKey& key, bool keep_in_memory) const {
    EF_TRY(const PackedFile file, PackedFile::open(path_of(key)));
    EF_TRY(MappedRegion region, region_of(file, path_of(key), file_key(key), key.bytes));
    const int64_t damaged = find_damage(file, keep_in_memory, *cache_.runtime_.pool);
    if (damaged >= 0) return fail(file.damaged_block(damaged));
    return region;
  }

  PackedCache& cache_;
  const TensorSource& weights_;
  size_t least_bytes_;
  std::optional<Hash128> hash_;  // of the weights
};

PackedCache::PackedCache(PackedCacheOptions options, const Runtime& runtime)
    : options_(std::move(options)), runtime_(runtime), hashes_(options_.folder / "hashes.json") {}

std::unique_ptr<engine::PackedRegions> PackedCache::of(const TensorSource& weights, bool any_size) {
  return std::make_unique<Regions>(*this, weights, any_size ? 0 : options_.least_bytes);
}

Result<Hash128> PackedCache::weights_hash(const TensorSource& weights) {
  ContentHasher hasher;
  const std::vector<std::string> files = weights.files();
  if (files.empty()) {
    return fail(ErrorCode::unsupported, weights.origin() + ": weights that lie in no file");
  }
  make_folder();  // for the index
  for (const std::string& file : files) {
    EF_TRY(const Hash128 hash, hashes_.hash(file));
    hasher.add_text(hash.to_hex());
  }
  return hasher.result();
}

void PackedCache::tell_unwritable(const Error& error) {
  if (!std::exchange(told_, true)) {
    runtime_.log(LogLevel::warn, "packed weights are not kept: " + error.message());
  }
}

void PackedCache::make_folder() const {
  std::error_code error;
  if (!fs::create_directories(options_.folder, error)) return;
  // Programs that make backups leave out folders with this file. Source: bford.info/cachedir
  const std::string_view tag = "Signature: 8a477f597d28d172789f06886806bc55\n";
  (void)write_file_atomically(options_.folder / "CACHEDIR.TAG", std::as_bytes(std::span(tag)));
}

void PackedCache::remove_old(const fs::path& newest) const {
  struct Region {
    fs::file_time_type used;
    uint64_t bytes;
    fs::path path;
  };
  std::vector<Region> regions;
  uint64_t total = 0;
  std::error_code error;
  for (fs::directory_iterator it(options_.folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code gone;
    const auto used = it->last_write_time(gone);
    if (name.ends_with(kExtension)) {
      regions.push_back({used, it->file_size(gone), it->path()});
      total += gone ? 0 : regions.back().bytes;
    } else if (name.find(std::string(kExtension) + ".tmp") != std::string::npos && !gone &&
               fs::file_time_type::clock::now() - used > kStaleTemporary) {
      fs::remove(it->path(), gone);  // of a process that was killed while writing
    }
  }
  std::ranges::sort(regions, {}, &Region::used);
  for (const Region& region : regions) {
    if (total <= options_.most_bytes) break;
    if (region.path == newest || !fs::remove(region.path, error)) continue;
    total -= region.bytes;
  }
}

}  // namespace edgefusion::pipeline
