#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace edgefusion::formats {

/// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);
/// UTF-8 as ISO 8859-1, or nothing if a character has no place there.
std::optional<std::string> latin1_from_utf8(std::string_view text);
std::string utf8_from_latin1(std::string_view text);

}  // namespace edgefusion::formats
