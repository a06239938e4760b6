#pragma once

#include <string>

namespace edgefusion::cli {

/// "1 h 05 min", "40 s"
std::string rough_time(double seconds);

}  // namespace edgefusion::cli
