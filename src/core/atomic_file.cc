#include "core/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace edgefusion {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> write_error(const fs::path& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  const ErrorCode code = full              ? ErrorCode::resource_exhausted
                         : error == ENOENT ? ErrorCode::not_found
                                           : ErrorCode::io;
  return fail(code, path.string() + ": cannot write: " + std::strerror(error));
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return write_error(path, EISDIR);
  AtomicFile file;
  file.path_ = path;
  if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored)) {
    file.fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file.fd_ < 0) return write_error(path, errno);
    return file;
  }
  // Another thread may write the same file, and a killed process may have left its own behind.
  constexpr int kAttempts = 1000;
  const std::string stem = path.string() + ".tmp" + std::to_string(::getpid());
  for (int attempt = 0; attempt < kAttempts && file.fd_ < 0; ++attempt) {
    file.temporary_ = stem + "." + std::to_string(attempt);
    file.fd_ = ::open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file.fd_ < 0 && errno != EEXIST) break;
  }
  if (file.fd_ >= 0) return file;
  file.temporary_.clear();
  return write_error(path, errno);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::exchange(other.fd_, -1)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(fd_, other.fd_);
  return *this;
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  EF_CHECK(fd_ >= 0, path_.string() + " is closed");
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd_, bytes.data(), bytes.size());
    if (put >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(put));
    } else if (errno != EINTR) {
      return write_error(path_, errno);
    }
  }
  return {};
}

Status AtomicFile::commit() {
  EF_CHECK(fd_ >= 0, path_.string() + " is closed");
  if (::close(std::exchange(fd_, -1)) != 0) return write_error(path_, errno);
  if (temporary_.empty()) return {};
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return write_error(path_, errno);
  temporary_.clear();
  return {};
}

Status write_file_atomically(const fs::path& path, std::span<const std::byte> bytes) {
  EF_TRY(AtomicFile file, AtomicFile::create(path));
  EF_TRY_STATUS(file.write(bytes));
  return file.commit();
}

}  // namespace edgefusion
