#include "cli/seed_option.h"

#include <charconv>
#include <cstdint>
#include <system_error>

namespace edgefusion::cli {

std::string is_seed(const std::string& text) {
  const char* const last = text.data() + text.size();
  const auto parsed_by = [&](auto number) {
    const auto [end, error] = std::from_chars(text.data(), last, number);
    return error == std::errc{} && end == last;
  };
  if (parsed_by(uint64_t{}) || parsed_by(int64_t{})) return {};
  return text + ": expected an integer of 64 bits";
}

}  // namespace edgefusion::cli
