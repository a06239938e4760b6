#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"

namespace edgefusion::eval {

/// A hundred everyday things in words ("an apple"): the classes that pictures are sorted into where
/// the user names none.
std::span<const std::string> everyday_things();

/// The classes of a file, one a line; of an empty path those above. Errors: those of
/// read_text_lines.
Result<std::vector<std::string>> class_texts(const std::filesystem::path& file);

}  // namespace edgefusion::eval
