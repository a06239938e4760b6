#include "eval/text_lines.h"

#include <string_view>
#include <unordered_set>

#include "core/mapped_file.h"
#include "text/unicode.h"

namespace edgefusion::eval {
namespace {

constexpr size_t kMostBytes = size_t{16} << 20;
constexpr const char* kSpace = " \t\r";

std::string_view trimmed(std::string_view line) {
  const size_t begin = line.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kSpace) + 1 - begin);
}

}  // namespace

Result<std::vector<std::string>> read_text_lines(const std::filesystem::path& path) {
  EF_TRY(const std::string text, read_text_file(path, kMostBytes));
  std::vector<std::string> lines;
  std::unordered_set<std::string_view> seen;
  size_t number = 0;
  // Some editors put a byte order mark first; it is no part of a text.
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  const size_t first = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  for (size_t begin = first; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = trimmed(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    ++number;
    if (line.empty()) continue;
    if (!text::decode_utf8(line)) {
      return fail(ErrorCode::bad_file, path.string() + ": line " + std::to_string(number) +
                                           ": is not UTF-8, expected texts in UTF-8");
    }
    if (seen.insert(line).second) lines.emplace_back(line);
  }
  if (!lines.empty()) return lines;
  return fail(ErrorCode::not_found, path.string() + ": no text, expected one a line");
}

}  // namespace edgefusion::eval
