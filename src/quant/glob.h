#pragma once

#include <string_view>

namespace edgefusion::quant {

/// Whether the whole name is as the glob says: '*' stands for any characters, none included, '?'
/// for one byte, everything else for itself.
bool glob_matches(std::string_view glob, std::string_view name);

}  // namespace edgefusion::quant
