#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "text/unicode_differences.h"

namespace edgefusion::text {
namespace {

utf8proc_int32_t to_utf8proc(char32_t c) { return static_cast<utf8proc_int32_t>(c); }

bool category_between(char32_t c, utf8proc_category_t first, utf8proc_category_t last) {
  const utf8proc_category_t category = utf8proc_category(to_utf8proc(c));
  return category >= first && category <= last;
}

/// The range of an ascending table that holds c, or nullptr.
template <typename Range>
const Range* find_range(std::span<const Range> table, char32_t c) {
  const auto it = std::ranges::lower_bound(table, c, {}, &Range::last);
  return it != table.end() && it->first <= c ? &*it : nullptr;
}

bool has_property(std::span<const PropertyRange> differences, char32_t c, bool in_utf8proc) {
  const PropertyRange* range = find_range(differences, c);
  return range ? range->value : in_utf8proc;
}

int combining_class(utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; }

/// Canonical decomposition, marks in canonical order. utf8proc_map would do both, but sorts marks
/// by swapping neighbours: quadratic time for a text that is nothing but marks.
std::vector<utf8proc_int32_t> decompose(std::u32string_view text) {
  std::vector<utf8proc_int32_t> out;
  out.reserve(text.size());
  std::array<utf8proc_int32_t, 32> buffer;  // the longest canonical decomposition has 4
  for (const char32_t c : text) {
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        to_utf8proc(c), buffer.data(), buffer.size(), UTF8PROC_DECOMPOSE, nullptr);
    EF_CHECK(count >= 0 && count <= static_cast<utf8proc_ssize_t>(buffer.size()),
             "decomposition of a valid code point");
    out.insert(out.end(), buffer.begin(), buffer.begin() + count);
  }
  const auto is_mark = [](utf8proc_int32_t c) { return combining_class(c) != 0; };
  for (auto begin = std::ranges::find_if(out, is_mark); begin != out.end();) {
    const auto end = std::find_if_not(begin, out.end(), is_mark);
    std::ranges::stable_sort(begin, end, {}, combining_class);
    begin = std::find_if(end, out.end(), is_mark);
  }
  return out;
}

void compose(std::vector<utf8proc_int32_t>& points) {
  const utf8proc_ssize_t count =
      utf8proc_normalize_utf32(points.data(), static_cast<utf8proc_ssize_t>(points.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  EF_CHECK(count >= 0, "composition of valid code points");
  points.resize(static_cast<size_t>(count));
}

/// Normal form of what lies between inert code points, which stay as they are and where they are.
std::u32string to_normal_form(std::u32string_view text, bool composed) {
  const auto is_inert = [](char32_t c) { return has_property(inert_differences(), c, false); };
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto end = std::ranges::find_if(text, is_inert);
    const auto length = static_cast<size_t>(end - text.begin());
    std::vector<utf8proc_int32_t> points = decompose(text.substr(0, length));
    if (composed) compose(points);
    out.append(points.begin(), points.end());
    if (length < text.size()) out.push_back(text[length]);
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return out;
}

bool is_ascii(std::u32string_view text) {
  return std::ranges::all_of(text, [](char32_t c) { return c < 0x80; });
}

}  // namespace

Result<std::u32string> decode_utf8(std::string_view utf8) {
  std::u32string out;
  out.reserve(utf8.size());
  for (size_t i = 0; i < utf8.size();) {
    utf8proc_int32_t c = -1;
    const utf8proc_ssize_t length =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()) + i,
                         static_cast<utf8proc_ssize_t>(utf8.size() - i), &c);
    if (length <= 0) {
      return fail(ErrorCode::invalid_argument, "invalid UTF-8 at byte offset " + std::to_string(i));
    }
    out.push_back(static_cast<char32_t>(c));
    i += static_cast<size_t>(length);
  }
  return out;
}

void append_utf8(char32_t c, std::string& dst) {
  std::array<utf8proc_uint8_t, 4> bytes;
  const utf8proc_ssize_t count = utf8proc_encode_char(to_utf8proc(c), bytes.data());
  dst.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(count));
}

std::string to_utf8(std::u32string_view text) {
  std::string out;
  for (const char32_t c : text) append_utf8(c, out);
  return out;
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x85 ||
         category_between(c, UTF8PROC_CATEGORY_ZS, UTF8PROC_CATEGORY_ZP);
}

bool is_letter(char32_t c) {
  return has_property(letter_differences(), c,
                      category_between(c, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LO));
}

bool is_number(char32_t c) {
  return has_property(number_differences(), c,
                      category_between(c, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO));
}

bool is_nonspacing_mark(char32_t c) {
  return has_property(nonspacing_mark_differences(), c,
                      category_between(c, UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_MN));
}

bool is_word(char32_t c) {
  // \w has digits and letter numbers, but not the other numbers (No).
  constexpr char32_t kJoiners[] = {0x200c, 0x200d};
  return is_letter(c) || category_between(c, UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_NL) ||
         category_between(c, UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PC) ||
         std::ranges::find(kJoiners, c) != std::end(kJoiners);
}

bool is_bert_punctuation(char32_t c) {
  if (c < 0x80) {
    return (c > 0x20 && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') ||
           (c > 'z' && c < 0x7f);
  }
  return has_property(punctuation_differences(), c,
                      category_between(c, UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO));
}

bool is_bert_control(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  const bool control = c == 0xfffd ||
                       category_between(c, UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_CF) ||
                       category_between(c, UTF8PROC_CATEGORY_CO, UTF8PROC_CATEGORY_CO);
  return has_property(control_differences(), c, control);
}

bool is_cjk_ideograph(char32_t c) {
  // Extension E starts at U+2B820; the reference starts it at U+2B920, and its ids are the
  // contract.
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
         (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
         (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

std::u32string to_lower(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    const LowerCaseRange* range = find_range(lower_case_differences(), c);
    if (c == 0x130) {  // the only code point with a longer lower case: i and a dot above
      out += U"i\u0307";
    } else if (range) {
      out.push_back(static_cast<char32_t>(to_utf8proc(c) + range->delta));
    } else {
      out.push_back(static_cast<char32_t>(utf8proc_tolower(to_utf8proc(c))));
    }
  }
  return out;
}

std::u32string to_nfc(std::u32string_view text) {
  return is_ascii(text) ? std::u32string(text) : to_normal_form(text, true);
}

std::u32string to_nfd(std::u32string_view text) {
  return is_ascii(text) ? std::u32string(text) : to_normal_form(text, false);
}

}  // namespace edgefusion::text
