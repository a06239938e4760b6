#include "cli/cache_folder.h"

#include <unistd.h>

#include "cli/default_model.h"
#include "core/env.h"

namespace edgefusion::cli {
namespace {

namespace fs = std::filesystem;

bool is_writable(const fs::path& folder) { return ::access(folder.c_str(), W_OK | X_OK) == 0; }

std::optional<fs::path> users_cache(const Environment& environment) {
  // The standard says to ignore a path that is not absolute. Source: XDG base directories
  if (environment.xdg_cache_home && fs::path(*environment.xdg_cache_home).is_absolute()) {
    return fs::path(*environment.xdg_cache_home) / "edgefusion";
  }
  if (environment.home) return fs::path(*environment.home) / ".cache" / "edgefusion";
  return std::nullopt;
}

/// A model folder holds its cache; a model that is one file has it in the same folder.
fs::path beside(const fs::path& model) {
  std::error_code error;
  const fs::path folder = fs::is_directory(model, error) ? model : model.parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

}  // namespace

std::optional<fs::path> cache_folder(const std::string& given) {
  const Environment environment = read_environment();
  if (environment.cache == "off") return std::nullopt;
  if (environment.cache) return fs::path(*environment.cache);
  std::error_code error;
  if (!given.empty() && !fs::equivalent(given, default_model(), error)) {
    const fs::path folder = beside(given);
    if (is_writable(folder)) return folder / ".edgefusion-cache";
  }
  return users_cache(environment);
}

}  // namespace edgefusion::cli
