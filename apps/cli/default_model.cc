#include "cli/default_model.h"

#include "core/env.h"

namespace edgefusion::cli {

namespace fs = std::filesystem;

fs::path default_model() {
  if (const auto chosen = read_environment().model) return *chosen;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path installed = program.parent_path().parent_path() / EF_INSTALLED_MODEL;
  if (!error && fs::exists(installed, error)) return installed;
  return EF_SOURCE_MODEL;
}

fs::path model_or_default(const std::string& given) {
  return given.empty() ? default_model() : fs::path(given);
}

}  // namespace edgefusion::cli
