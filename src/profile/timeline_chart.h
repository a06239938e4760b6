#pragma once

#include <string>

#include "profile/profile.h"

namespace edgefusion::profile {

/// What each thread did in the fastest request, one lane each, stages that load left out; as inline
/// SVG. What is narrower than a screen can show is drawn together with its neighbours.
std::string timeline_chart(const Recording& recording);

}  // namespace edgefusion::profile
