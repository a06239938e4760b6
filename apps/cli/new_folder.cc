#include "cli/new_folder.h"

#include <unistd.h>

#include <utility>

namespace edgefusion::cli {

namespace fs = std::filesystem;

Result<NewFolder> NewFolder::make(const fs::path& given) {
  std::string name = given.string();
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  if (name.empty()) {
    return fail(ErrorCode::invalid_argument, "output: expected the name of a new folder");
  }
  const fs::path path = name;
  std::error_code error;
  if (fs::exists(path, error)) {
    return fail(ErrorCode::io, name + ": exists already, expected a new folder's name");
  }
  const fs::path temporary = name + ".tmp" + std::to_string(::getpid());
  if (!fs::create_directory(temporary, error)) {
    const std::string reason = error ? error.message() : "exists already";
    return fail(ErrorCode::io, temporary.string() + ": cannot make this folder: " + reason);
  }
  return NewFolder(path, temporary);
}

NewFolder::NewFolder(fs::path path, fs::path temporary)
    : path_(std::move(path)), temporary_(std::move(temporary)) {}

NewFolder::NewFolder(NewFolder&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

Status NewFolder::commit() {
  std::error_code error;
  fs::rename(temporary_, path_, error);
  if (error) return fail(ErrorCode::io, path_.string() + ": " + error.message());
  temporary_.clear();
  return {};
}

}  // namespace edgefusion::cli
