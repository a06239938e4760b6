#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace edgefusion::cli {

/// Where packed weights of a model are kept; nothing if nowhere.
/// EDGEFUSION_CACHE decides if it is set ("off", or a folder). Else beside the model the user
/// named, if that place can be written: there the files go when the model goes, and they are as
/// large as it. Else, and for the model that comes with the program (`given` empty), the user's
/// cache folder: XDG_CACHE_HOME or ~/.cache, below it edgefusion.
std::optional<std::filesystem::path> cache_folder(const std::string& given);

}  // namespace edgefusion::cli
