#include "cli/memory_size.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>

namespace edgefusion::cli {
namespace {

constexpr double kMostBytes = 1e18;

/// Bytes of a unit, 0 if there is none of that name.
double unit_bytes(std::string unit) {
  for (char& letter : unit) letter = static_cast<char>(std::tolower(letter));
  if (unit.empty() || unit == "b") return 1;
  const std::string_view tail = std::string_view(unit).substr(1);
  if (!tail.empty() && tail != "b" && tail != "ib") return 0;
  switch (unit[0]) {
    case 'k':
      return 1024.0;
    case 'm':
      return 1024.0 * 1024;
    case 'g':
      return 1024.0 * 1024 * 1024;
    default:
      return 0;
  }
}

}  // namespace

Result<int64_t> parse_memory_size(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  const double unit = unit_bytes(std::string(end, text.data() + text.size()));
  const double bytes = number * unit;
  if (error != std::errc{} || unit == 0 || !(bytes >= 1 && bytes <= kMostBytes)) {
    return fail(ErrorCode::invalid_argument,
                "size '" + std::string(text) + "': expected a number with K, M or G, as in 900M");
  }
  return static_cast<int64_t>(bytes);
}

std::string format_bytes(int64_t bytes) {
  const double mebibytes = static_cast<double>(bytes) / (1024.0 * 1024.0);
  return mebibytes < 10 ? fmt::format("{:.1f} MiB", mebibytes)
                        : fmt::format("{:.0f} MiB", mebibytes);
}

}  // namespace edgefusion::cli
