#pragma once

#include <string>

#include "profile/compare.h"
#include "profile/profile.h"

namespace edgefusion::profile {

/// The profile as one HTML page that needs nothing else: roofline, time by block as a treemap,
/// timelines of threads and memory, tables. It reads well without script, in light and dark.
/// `comparison`: null if there is none.
std::string profile_html(const Recording& recording, const Comparison* comparison = nullptr);

}  // namespace edgefusion::profile
