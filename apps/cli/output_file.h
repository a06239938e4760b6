#pragma once

#include <filesystem>

#include "core/result.h"

namespace edgefusion::cli {

/// Better to hear of a missing folder before the work than after it. Errors: invalid_argument (no
/// name), io (a folder), not_found (no such folder).
Status check_output(const std::filesystem::path& file);

}  // namespace edgefusion::cli
