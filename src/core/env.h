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
};

Environment read_environment();

}  // namespace edgefusion
