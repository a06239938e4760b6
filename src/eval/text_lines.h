#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"

namespace edgefusion::eval {

/// Texts of a file, one a line, each once, in their order, without white space around them; empty
/// lines are passed over. Errors: not_found, io; bad_file (more than 16 MB, a line that is no
/// UTF-8); not_found if no text is left.
Result<std::vector<std::string>> read_text_lines(const std::filesystem::path& path);

}  // namespace edgefusion::eval
