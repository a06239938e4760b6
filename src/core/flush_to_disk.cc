#include "core/flush_to_disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace edgefusion {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> flush_error(const fs::path& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return fail(full ? ErrorCode::resource_exhausted : ErrorCode::io,
              path.string() + ": cannot be written to the disk: " + std::strerror(error));
}

}  // namespace

Status flush_to_disk(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return flush_error(path, errno);
  // Some file systems have no such call for folders, and say so.
  const bool flushed = ::fsync(file) == 0 || errno == EINVAL || errno == ENOTSUP;
  const int error = errno;
  ::close(file);
  if (!flushed) return flush_error(path, error);
  return {};
}

Status flush_tree_to_disk(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_regular_file(error) || it->is_directory(error)) {
      EF_TRY_STATUS(flush_to_disk(it->path()));
    }
  }
  if (error) return flush_error(folder, error.value());
  return flush_to_disk(folder);
}

}  // namespace edgefusion
