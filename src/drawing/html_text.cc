#include "drawing/html_text.h"

#include <charconv>
#include <cmath>
#include <iterator>

namespace edgefusion::drawing {

std::string escaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        result += (byte < 0x20 && c != '\n') || byte == 0x7f ? ' ' : c;
      }
    }
  }
  return result;
}

std::string element(std::string_view tag, std::string_view words, std::string_view kind) {
  std::string html = "<" + std::string(tag);
  if (!kind.empty()) html += " class=\"" + std::string(kind) + "\"";
  return html + ">" + escaped(words) + "</" + std::string(tag) + ">";
}

std::string fixed(double value, int digits) {
  if (std::isnan(value)) return "no number";
  if (std::isinf(value)) return value > 0 ? "∞" : "-∞";
  // Beyond this a number has more digits than a table has room for.
  constexpr double kLargest = 1e15;
  char text[64];
  const auto format =
      std::fabs(value) < kLargest ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(text, text + sizeof(text), value, format, digits);
  return std::string(text, end.ptr);
}

std::string fixed(const std::optional<double>& value, int digits) {
  return value ? fixed(*value, digits) : "–";
}

std::string bytes_text(double bytes) {
  constexpr std::string_view kUnits[] = {" B", " kB", " MB", " GB", " TB"};
  size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(kUnits)) {
    bytes /= 1000;
    ++unit;
  }
  return fixed(bytes, unit == 0 ? 0 : 1) + std::string(kUnits[unit]);
}

}  // namespace edgefusion::drawing
