#pragma once

#include <string>

#include "profile/profile.h"

namespace edgefusion::profile {

/// The profile as a text for a terminal; `slowest`: so many single steps.
std::string profile_table(const Profile& profile, int slowest = 15);

}  // namespace edgefusion::profile
