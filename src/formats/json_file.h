#pragma once

#include <filesystem>

#include "core/json.h"
#include "core/result.h"

namespace edgefusion::formats {

/// Reads a whole JSON file. Errors: not_found, io; bad_file as parse_json says, all naming the
/// path.
Result<nlohmann::json> read_json_file(const std::filesystem::path& path,
                                      const JsonLimits& limits = {});
/// The same, and the value must be an object.
Result<nlohmann::json> read_json_object(const std::filesystem::path& path,
                                        const JsonLimits& limits = {});

}  // namespace edgefusion::formats
