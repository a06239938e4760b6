#include "core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace edgefusion {
namespace {

namespace fs = std::filesystem;

/// Closes a descriptor when it goes out of scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> system_error(const fs::path& path, int error) {
  const bool absent = error == ENOENT || error == ENOTDIR;
  const auto code = absent ? ErrorCode::not_found : ErrorCode::io;
  return fail(code, path.string() + ": " + std::strerror(error));
}

Result<size_t> regular_file_size(const fs::path& path, int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return system_error(path, errno);
  if (S_ISDIR(info.st_mode)) return system_error(path, EISDIR);
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::io, path.string() + ": not a regular file");
  return static_cast<size_t>(info.st_size);
}

}  // namespace

Result<MappedFile> MappedFile::open(const fs::path& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return system_error(path, errno);
  EF_TRY(const size_t size, regular_file_size(path, fd.get()));
  MappedFile file;
  if (size == 0) return file;
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) return system_error(path, errno);
  file.data_ = static_cast<const std::byte*>(data);
  file.size_ = size;
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::drop_pages(size_t offset, size_t size) const {
  // The system maps up to this much around a page that is read for the first time.
  constexpr size_t kMappedAround = size_t{64} << 10;
  if (data_ == nullptr || offset >= size_ || size > size_ - offset || size == 0) return;
  const size_t begin = offset / kMappedAround * kMappedAround;
  const size_t end =
      std::min((offset + size + kMappedAround - 1) / kMappedAround * kMappedAround, size_);
  ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

void MappedFile::fetch_pages(size_t offset, size_t size) const {
  if (data_ == nullptr || offset >= size_ || size > size_ - offset || size == 0) return;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t begin = offset / page * page;
  auto* first = const_cast<std::byte*>(data_) + begin;
  const size_t bytes = offset + size - begin;
#ifdef MADV_POPULATE_READ
  if (::madvise(first, bytes, MADV_POPULATE_READ) == 0) return;  // kernels before 5.14 refuse
#endif
  ::madvise(first, bytes, MADV_WILLNEED);
}

Result<std::string> read_text_file(const fs::path& path, size_t max_bytes) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return system_error(path, errno);
  EF_TRY(const size_t size, regular_file_size(path, fd.get()));
  if (size > max_bytes) {
    return fail(ErrorCode::bad_file, path.string() + ": " + std::to_string(size) +
                                         " bytes, expected at most " + std::to_string(max_bytes));
  }
  std::string text(size, '\0');
  size_t filled = 0;
  while (filled < size) {
    const ssize_t got = ::read(fd.get(), text.data() + filled, size - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(path, errno);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  text.resize(filled);
  return text;
}

}  // namespace edgefusion
