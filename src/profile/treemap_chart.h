#pragma once

#include <string>

#include "profile/profile.h"

namespace edgefusion::profile {

/// Where the time goes: areas of networks, their blocks and the parts of these; as inline SVG.
std::string treemap_chart(const Profile& profile);

}  // namespace edgefusion::profile
