#pragma once

#include <optional>
#include <string>

namespace edgefusion {

/// Every environment variable the program knows. Read here and nowhere else.
struct Environment {
  std::optional<std::string> isa;    ///< EDGEFUSION_ISA: strongest instruction set to use
  std::optional<std::string> model;  ///< EDGEFUSION_MODEL: folder of the default model
};

Environment read_environment();

}  // namespace edgefusion
