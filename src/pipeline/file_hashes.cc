#include "pipeline/file_hashes.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/json.h"
#include "core/mapped_file.h"

namespace edgefusion::pipeline {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kMostIndexBytes = size_t{1} << 20;
constexpr size_t kMostEntries = 1000;
// A file may change twice within the clock's tick: what is as young as this is not remembered.
constexpr int64_t kYoungNs = 2'000'000'000;

int64_t nanoseconds(const timespec& time) {
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Result<FileStamp> stamp_of(const fs::path& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) {
    return fail(ErrorCode::io, file.string() + ": " + std::strerror(errno));
  }
  return FileStamp{.size = static_cast<uint64_t>(info.st_size),
                   .inode = static_cast<uint64_t>(info.st_ino),
                   .mtime_ns = nanoseconds(info.st_mtim),
                   .ctime_ns = nanoseconds(info.st_ctim)};
}

bool is_young(const FileStamp& stamp) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  return now_ns - std::max(stamp.mtime_ns, stamp.ctime_ns) < kYoungNs;
}

/// Reads the file in pieces and keeps none of it in memory.
Result<Hash128> hash_content(const fs::path& file) {
  constexpr size_t kPiece = size_t{4} << 20;
  EF_TRY(const MappedFile mapped, MappedFile::open(file));
  const auto bytes = mapped.bytes();
  ContentHasher hasher;
  for (size_t begin = 0; begin < bytes.size(); begin += kPiece) {
    const size_t size = std::min(kPiece, bytes.size() - begin);
    mapped.fetch_pages(begin, size);
    hasher.add(bytes.subspan(begin, size));
    mapped.drop_pages(begin, size);
  }
  return hasher.result();
}

}  // namespace

Result<Hash128> FileHashes::hash(const fs::path& file) {
  if (!read_) read_index();
  EF_TRY(const FileStamp stamp, stamp_of(file));
  std::error_code error;
  const std::string name = fs::canonical(file, error).string();
  const auto known = entries_.find(name);
  if (known != entries_.end() && known->second.stamp == stamp) return known->second.hash;
  EF_TRY(const Hash128 hash, hash_content(file));
  EF_TRY(const FileStamp after, stamp_of(file));
  if (after != stamp) return fail(ErrorCode::io, file.string() + ": changed while it was read");
  if (!error && !is_young(stamp)) {
    read_index();  // another process may have added to it meanwhile
    entries_[name] = {stamp, hash};
    write_index();
  }
  return hash;
}

void FileHashes::read_index() {
  read_ = true;
  const auto text = read_text_file(index_, kMostIndexBytes);
  if (!text) return;
  const auto parsed = parse_json(*text, index_.string());
  if (!parsed || !parsed->is_object()) return;  // damaged: as good as none
  for (const auto& [name, value] : parsed->items()) {
    ConfigReader reader(value, index_.string());
    const auto hash = parse_hash128(reader.string("xxh3_128"));
    const Entry entry = {{.size = static_cast<uint64_t>(reader.integer("size")),
                          .inode = static_cast<uint64_t>(reader.integer("inode")),
                          .mtime_ns = reader.integer("mtime_ns"),
                          .ctime_ns = reader.integer("ctime_ns")},
                         hash.value_or(Hash128{})};
    if (hash && reader.status()) entries_[name] = entry;
  }
}

void FileHashes::write_index() const {
  json index = json::object();
  std::error_code error;
  for (const auto& [name, entry] : entries_) {
    if (index.size() == kMostEntries || !fs::exists(name, error)) continue;
    index[name] = {{"xxh3_128", entry.hash.to_hex()},
                   {"size", entry.stamp.size},
                   {"inode", entry.stamp.inode},
                   {"mtime_ns", entry.stamp.mtime_ns},
                   {"ctime_ns", entry.stamp.ctime_ns}};
  }
  // A path need not be UTF-8, JSON must.
  const std::string text = index.dump(1, ' ', false, json::error_handler_t::replace);
  (void)write_file_atomically(index_, std::as_bytes(std::span(text)));
}

}  // namespace edgefusion::pipeline
