#pragma once

#include <span>
#include <string>
#include <string_view>

namespace edgefusion {

/// The known name closest to what was typed (fewest edits, case ignored; the first of equals), or
/// empty when none is close: more than a third of the longer name would have to change.
std::string_view nearest_name(std::string_view typed, std::span<const std::string_view> known);

/// `unknown <kind> "typed", did you mean "name"? Known: a, b, c`: the one line for a mistyped name.
std::string unknown_name_message(std::string_view kind, std::string_view typed,
                                 std::span<const std::string_view> known);

}  // namespace edgefusion
