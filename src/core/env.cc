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
          .home = variable("HOME"),
          .rank = variable("RANK"),
          .world_size = variable("WORLD_SIZE"),
          .local_rank = variable("LOCAL_RANK"),
          .master_address = variable("MASTER_ADDR"),
          .master_port = variable("MASTER_PORT"),
          .agent_store = variable("TORCHELASTIC_USE_AGENT_STORE"),
          .restart_count = variable("TORCHELASTIC_RESTART_COUNT")};
}

}  // namespace edgefusion
