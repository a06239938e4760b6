// links: core
// Any bytes as a config: refused, or read by every getter, whatever its types.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/json.h"

namespace {

using edgefusion::ConfigReader;

void read_all(ConfigReader config, int depth) {
  constexpr int kDeepest = 8;
  for (const std::string& key : config.unread_keys()) {
    config.integer(key);
    config.integer(key, 3, {0, 100});
    config.optional_integer(key);
    config.number(key);
    config.number(key, 0.5);
    config.boolean(key, true);
    config.string(key, "fallback");
    config.int_list(key);
    config.number_list(key, {});
    config.string_list(key, {});
    const size_t ints = config.int_or_list(key, 4, 1).size();
    EF_CHECK(ints == 4, "int_or_list gave " + std::to_string(ints));
    const size_t flags = config.bool_or_list(key, 2, false).size();
    EF_CHECK(flags == 2, "bool_or_list gave " + std::to_string(flags));
    if (depth < kDeepest && config.raw(key).is_object()) read_all(config.object(key), depth + 1);
  }
  for (const std::string& complaint : config.complaints()) {
    EF_CHECK(complaint.find('\n') == std::string::npos, "complaint of several lines");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto parsed = edgefusion::parse_json(text, "fuzz.json");
  if (!parsed) {
    EF_CHECK(parsed.error().message().find('\n') == std::string::npos, "several lines");
    return 0;
  }
  // What was accepted is what the library makes of it.
  EF_CHECK(*parsed == nlohmann::json::parse(text), "differs from the library's own tree");
  ConfigReader config(std::move(*parsed), "fuzz.json");
  read_all(config, 0);
  (void)config.status();
  return 0;
}
