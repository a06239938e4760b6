#include "core/env.h"

#include <cstdlib>

namespace edgefusion {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

}  // namespace

Environment read_environment() {
  return {.isa = variable("EDGEFUSION_ISA"),
          .model = variable("EDGEFUSION_MODEL"),
          .cache = variable("EDGEFUSION_CACHE"),
          .xdg_cache_home = variable("XDG_CACHE_HOME"),
          .home = variable("HOME")};
}

}  // namespace edgefusion
