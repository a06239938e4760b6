#include "formats/json_file.h"

#include "core/mapped_file.h"

namespace edgefusion::formats {

Result<nlohmann::json> read_json_file(const std::filesystem::path& path, const JsonLimits& limits) {
  EF_TRY(const std::string text, read_text_file(path, limits.max_bytes));
  return parse_json(text, path.string(), limits);
}

Result<nlohmann::json> read_json_object(const std::filesystem::path& path,
                                        const JsonLimits& limits) {
  EF_TRY(nlohmann::json value, read_json_file(path, limits));
  if (value.is_object()) return value;
  return fail(ErrorCode::bad_file,
              path.string() + ": expected a JSON object, found " + describe(value));
}

}  // namespace edgefusion::formats
