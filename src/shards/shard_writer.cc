#include "shards/shard_writer.h"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "core/atomic_file.h"
#include "core/json.h"

namespace edgefusion::shards {
namespace {

struct FreeArchive {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct FreeEntry {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};

}  // namespace

struct ShardWriter::Implementation {
  std::string origin;
  std::optional<AtomicFile> file;
  std::optional<Error> error;  ///< of the file, told through libarchive
  // Closed before the file, for it writes what it holds back.
  std::unique_ptr<archive, FreeArchive> writer;

  static la_ssize_t on_write(archive* a, void* self, const void* bytes, size_t size) {
    auto& to = *static_cast<Implementation*>(self);
    const Status status = to.file->write({static_cast<const std::byte*>(bytes), size});
    if (status) return static_cast<la_ssize_t>(size);
    if (!to.error) to.error = status.error();
    archive_set_error(a, EIO, "cannot write");
    return -1;
  }

  tl::unexpected<Error> broken() {
    if (error) return fail(*error);
    const char* why = archive_error_string(writer.get());
    return fail(ErrorCode::io, origin + ": " + (why == nullptr ? "cannot write" : printable(why)));
  }
};

ShardWriter::ShardWriter(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
ShardWriter::~ShardWriter() = default;
ShardWriter::ShardWriter(ShardWriter&&) noexcept = default;
ShardWriter& ShardWriter::operator=(ShardWriter&&) noexcept = default;

Result<ShardWriter> ShardWriter::create(const std::filesystem::path& path) {
  auto implementation = std::make_unique<Implementation>();
  Implementation& self = *implementation;
  self.origin = path.string();
  EF_TRY(self.file, AtomicFile::create(path));
  self.writer.reset(archive_write_new());
  archive* writer = self.writer.get();
  archive_write_set_format_pax_restricted(writer);
  if (self.origin.ends_with("gz")) {
    archive_write_add_filter_gzip(writer);
    archive_write_set_filter_option(writer, "gzip", "timestamp", nullptr);
  }
  archive_write_set_bytes_in_last_block(writer, 1);
  if (archive_write_open(writer, &self, nullptr, Implementation::on_write, nullptr) != ARCHIVE_OK) {
    return self.broken();
  }
  return ShardWriter(std::move(implementation));
}

Status ShardWriter::add(const std::string& key, const std::string& extension,
                        std::span<const std::byte> content) {
  Implementation& self = *implementation_;
  const std::string base = key.substr(key.rfind('/') + 1);
  if (base.empty() || base.find('.') != std::string::npos || extension.empty()) {
    return fail(ErrorCode::invalid_argument, self.origin + ": " + printable(key) + "." +
                                                 printable(extension) +
                                                 ": expected a key without dots, an extension");
  }
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), (key + "." + extension).c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_mtime(entry.get(), 0, 0);
  archive_entry_set_size(entry.get(), static_cast<int64_t>(content.size()));
  if (archive_write_header(self.writer.get(), entry.get()) != ARCHIVE_OK) return self.broken();
  if (content.empty()) return {};
  const la_ssize_t put = archive_write_data(self.writer.get(), content.data(), content.size());
  if (put != static_cast<la_ssize_t>(content.size())) return self.broken();
  return {};
}

Status ShardWriter::add(const std::string& key, const std::string& extension,
                        const std::string& text) {
  return add(key, extension, std::as_bytes(std::span(text.data(), text.size())));
}

Status ShardWriter::commit() {
  Implementation& self = *implementation_;
  if (archive_write_close(self.writer.get()) != ARCHIVE_OK) return self.broken();
  return self.file->commit();
}

}  // namespace edgefusion::shards
