#pragma once

#include <filesystem>

#include "core/result.h"

namespace edgefusion {

/// Returns when the content of a file, or the list of names in a folder, is on the disk and not
/// only in the system's memory. Errors: io, resource_exhausted.
Status flush_to_disk(const std::filesystem::path& path);

/// The same for a folder and all that is below it.
Status flush_tree_to_disk(const std::filesystem::path& folder);

}  // namespace edgefusion
