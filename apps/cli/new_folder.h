#pragma once

#include <filesystem>

#include "core/result.h"

namespace edgefusion::cli {

/// A folder that appears under its name whole or not at all: files go to a folder of another name
/// beside it, commit() renames that. Without a commit nothing is left behind.
class NewFolder {
 public:
  /// Errors: io (there already, or its parent cannot be written), invalid_argument (no name).
  static Result<NewFolder> make(const std::filesystem::path& path);

  NewFolder(NewFolder&& other) noexcept;
  NewFolder& operator=(NewFolder&&) = delete;
  ~NewFolder();

  /// Where to write until commit().
  const std::filesystem::path& path() const { return temporary_; }
  Status commit();

 private:
  NewFolder(std::filesystem::path path, std::filesystem::path temporary);

  std::filesystem::path path_, temporary_;  // temporary_ empty: nothing to remove
};

}  // namespace edgefusion::cli
