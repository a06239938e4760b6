#include "text/json_text.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace edgefusion::text {
namespace {

constexpr int kMaxDepth = 16;
constexpr int64_t kMaxValues = 4'000'000;

struct LimitReached : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text) {
  int64_t values = 0;
  const auto watch = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kMaxDepth) throw LimitReached("JSON nested deeper than 16 levels");
    if (++values > kMaxValues) throw LimitReached("JSON with more than 4 million values");
    return true;
  };
  try {
    return nlohmann::json::parse(text.begin(), text.end(), watch);
  } catch (const nlohmann::json::parse_error& error) {
    return fail(ErrorCode::bad_file, "not valid JSON at byte offset " + std::to_string(error.byte));
  } catch (const nlohmann::json::exception&) {  // e.g. a number outside the range of a double
    return fail(ErrorCode::bad_file, "JSON with a number out of range");
  } catch (const LimitReached& limit) {
    return fail(ErrorCode::bad_file, limit.what());
  }
}

std::string in_quotes(std::string_view text) {
  constexpr size_t kShown = 64;
  const nlohmann::json shown(std::string(text.substr(0, kShown)));
  return shown.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace edgefusion::text
