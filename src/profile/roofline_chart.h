#pragma once

#include <string>

#include "profile/profile.h"

namespace edgefusion::profile {

/// Every step that multiplies, by its products for each byte and its products in a second, under
/// the peaks and the bandwidth of the machine; as inline SVG. Areas of points are times.
std::string roofline_chart(const Profile& profile);

}  // namespace edgefusion::profile
