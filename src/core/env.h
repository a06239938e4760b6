#pragma once

#include <optional>
#include <string>

namespace edgefusion {

/// Every environment variable the program knows. Read here and nowhere else.
struct Environment {
  std::optional<std::string> isa;    ///< EDGEFUSION_ISA: strongest instruction set to use
  std::optional<std::string> model;  ///< EDGEFUSION_MODEL: the default model
  std::optional<std::string> cache;  ///< EDGEFUSION_CACHE: folder of packed weights, or "off"
  std::optional<std::string> xdg_cache_home, home;  ///< where programs keep caches
  /// RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT: what torchrun tells each process
  std::optional<std::string> rank, world_size, local_rank, master_address, master_port;
  /// TORCHELASTIC_USE_AGENT_STORE, TORCHELASTIC_RESTART_COUNT: torchrun itself serves that port
  std::optional<std::string> agent_store, restart_count;
};

Environment read_environment();

}  // namespace edgefusion
