#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace edgefusion::drawing {

/// Text made fit for HTML, between tags and in quoted attributes: & < > " ' escaped, control
/// characters but line breaks as spaces.
std::string escaped(std::string_view text);

/// An element around words, which are escaped here; `kind`: its class.
std::string element(std::string_view tag, std::string_view words, std::string_view kind = "");

/// With so many digits after the point, whatever the locale; "∞", "-∞" and "no number" for what is
/// none.
std::string fixed(double value, int digits);
/// The same, or a dash where nothing was measured.
std::string fixed(const std::optional<double>& value, int digits);
/// "3.4 MB": powers of 1000.
std::string bytes_text(double bytes);

}  // namespace edgefusion::drawing
