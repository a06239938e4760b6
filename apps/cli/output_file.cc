#include "cli/output_file.h"

namespace edgefusion::cli {

namespace fs = std::filesystem;

Status check_output(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::error_code error;
  if (file.empty()) return fail(ErrorCode::invalid_argument, "output: expected the name of a file");
  if (fs::is_directory(file, error)) {
    return fail(ErrorCode::io, file.string() + ": is a folder, expected the name of a file");
  }
  if (fs::is_directory(folder, error)) return {};
  return fail(ErrorCode::not_found, file.string() + ": no folder " + folder.string());
}

}  // namespace edgefusion::cli
