#pragma once

#include <string>

#include "profile/profile.h"

namespace edgefusion::profile {

/// Bytes alive in the arena of each network, step by step, below what its plan takes; as inline
/// SVG. Empty if there are none.
std::string memory_chart(const Memory& memory);

}  // namespace edgefusion::profile
