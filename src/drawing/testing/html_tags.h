#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace edgefusion::drawing {

/// What is wrong with the tags of a page: every one closed, attributes quoted, no stray brackets.
inline std::string tag_complaint(std::string_view html) {
  const std::vector<std::string_view> empty = {"meta", "br", "img", "!DOCTYPE"};
  std::vector<std::string> open;
  for (size_t i = 0; i < html.size();) {
    if (html[i] == '>') return "stray > at " + std::to_string(i);
    if (html[i] != '<') {
      ++i;
      continue;
    }
    const bool closes = html[i + 1] == '/';
    bool quoted = false;
    size_t end = i + 1;
    for (; end < html.size() && (quoted || html[end] != '>'); ++end) {
      if (html[end] == '"') quoted = !quoted;
      if (html[end] == '<') return "< inside of a tag at " + std::to_string(end);
    }
    const std::string_view tag = html.substr(i + 1 + closes, end - i - 1 - closes);
    const std::string name(tag.substr(0, tag.find_first_of(" /")));
    if (closes) {
      if (open.empty() || open.back() != name) return "</" + name + "> closes nothing";
      open.pop_back();
    } else if (!tag.ends_with('/') && std::ranges::find(empty, name) == empty.end()) {
      open.push_back(name);
    }
    i = end + 1;
    // Text that is no HTML.
    if (!closes && (name == "style" || name == "script")) {
      i = html.find("</" + name + ">", i);
      if (i == std::string_view::npos) return name + " is not closed";
    }
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

}  // namespace edgefusion::drawing
