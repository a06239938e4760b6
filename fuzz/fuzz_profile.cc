// links: profile core
// Any bytes as a profile: refused with one line, or read, and then what is written of it is read as
// the same and compares with itself.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "profile/compare.h"
#include "profile/profile_json.h"
#include "profile/profile_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace edgefusion;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = profile::parse_profile(text, "old.json");
  if (!read) {
    EF_CHECK(read.error().message().find('\n') == std::string::npos, "message of several lines");
    return 0;
  }
  const std::string written = profile::profile_json(*read);
  const auto back = profile::parse_profile(written, "old.json");
  EF_CHECK(back.has_value(), "what was written is refused");
  EF_CHECK(profile::profile_json(*back) == written, "what was written says something else");
  const auto comparison = profile::compare(*read, "old.json", *back);
  EF_CHECK(comparison.has_value(), "a profile is of another model than itself");
  EF_CHECK(!profile::comparison_table(*comparison).empty(), "no table");
  EF_CHECK(!profile::profile_table(*read).empty(), "no table");
  return 0;
}
