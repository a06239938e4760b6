#include "shards/shard_reader.h"

#include <archive.h>
#include <archive_entry.h>

#include <utility>

#include "core/json.h"

namespace edgefusion::shards {
namespace {

constexpr int64_t kMostMemberBytes = int64_t{256} << 20;
constexpr size_t kBlockBytes = 64 << 10;

/// A member's place in its sample.
struct MemberName {
  std::string key, extension;
};

/// Nothing for names without an extension or without a key (".hidden").
std::optional<MemberName> split_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  const size_t base = slash == std::string::npos ? 0 : slash + 1;
  const size_t dot = path.find('.', base);
  if (dot == std::string::npos || dot == base || dot + 1 == path.size()) return std::nullopt;
  return MemberName{path.substr(0, dot), path.substr(dot + 1)};
}

struct FreeArchive {
  void operator()(archive* a) const { archive_read_free(a); }
};

}  // namespace

std::string ShardSample::text(std::string_view extension) const {
  const auto found = members.find(extension);
  if (found == members.end()) return {};
  return {reinterpret_cast<const char*>(found->second.data()), found->second.size()};
}

struct ShardReader::Implementation {
  std::string origin;
  std::unique_ptr<archive, FreeArchive> reader;
  std::optional<MemberName> ahead;  ///< member whose header has been read
  std::vector<std::byte> ahead_data;
  bool ended = false;

  tl::unexpected<Error> broken() {
    ended = true;
    const char* why = archive_error_string(reader.get());
    return fail(ErrorCode::bad_file,
                origin + ": " + (why == nullptr ? "not a whole archive" : printable(why)));
  }

  Result<std::vector<std::byte>> read_data(const std::string& name, int64_t size) {
    if (size > kMostMemberBytes) {
      ended = true;
      return fail(ErrorCode::unsupported, origin + ": " + printable(name) + ": " +
                                              std::to_string(size) + " bytes, expected at most " +
                                              std::to_string(kMostMemberBytes));
    }
    std::vector<std::byte> data(static_cast<size_t>(size));
    size_t done = 0;
    while (done < data.size()) {
      const la_ssize_t got =
          archive_read_data(reader.get(), data.data() + done, data.size() - done);
      if (got <= 0) return broken();
      done += static_cast<size_t>(got);
    }
    return data;
  }

  /// Reads on to the next member that belongs to a sample; ahead stays empty at the end.
  Status advance() {
    ahead.reset();
    archive_entry* entry = nullptr;
    while (!ended) {
      const int result = archive_read_next_header(reader.get(), &entry);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return broken();
      const char* path = archive_entry_pathname(entry);
      if (path == nullptr || archive_entry_filetype(entry) != AE_IFREG) continue;
      auto name = split_name(path);
      if (!name) continue;
      EF_TRY(ahead_data, read_data(path, archive_entry_size(entry)));
      ahead = std::move(name);
      return {};
    }
    ended = true;
    return {};
  }
};

ShardReader::ShardReader(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
ShardReader::~ShardReader() = default;
ShardReader::ShardReader(ShardReader&&) noexcept = default;
ShardReader& ShardReader::operator=(ShardReader&&) noexcept = default;

Result<ShardReader> ShardReader::open(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return fail(ErrorCode::not_found, path.string() + ": no such file");
  }
  auto implementation = std::make_unique<Implementation>();
  implementation->origin = path.string();
  implementation->reader.reset(archive_read_new());
  archive* reader = implementation->reader.get();
  archive_read_support_format_tar(reader);
  archive_read_support_filter_gzip(reader);
  archive_read_support_filter_xz(reader);
  archive_read_support_filter_zstd(reader);
  if (archive_read_open_filename(reader, path.c_str(), kBlockBytes) != ARCHIVE_OK) {
    return implementation->broken();
  }
  EF_TRY_STATUS(implementation->advance());
  return ShardReader(std::move(implementation));
}

Result<std::optional<ShardSample>> ShardReader::next() {
  Implementation& self = *implementation_;
  if (!self.ahead) return std::nullopt;
  ShardSample sample;
  sample.key = self.ahead->key;
  while (self.ahead && self.ahead->key == sample.key) {
    sample.members[self.ahead->extension] = std::move(self.ahead_data);
    EF_TRY_STATUS(self.advance());
  }
  return sample;
}

}  // namespace edgefusion::shards
