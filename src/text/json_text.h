#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/result.h"

namespace edgefusion::text {

/// Parses a file from outside. Errors: bad_file with the byte offset; also more than 16 levels or
/// 4 million values, which no tokenizer has and which would take memory many times the file's size.
Result<nlohmann::json> parse_json(std::string_view text);

/// A string from a file as part of a one-line message: escaped, at most 64 bytes of it.
std::string in_quotes(std::string_view text);

}  // namespace edgefusion::text
