#pragma once

#include <filesystem>
#include <string>

namespace edgefusion::cli {

/// The model used when none is named: EDGEFUSION_MODEL, else the one installed with the program,
/// else the one in the source tree it was built from.
std::filesystem::path default_model();

/// `given`, or the default model if it is empty.
std::filesystem::path model_or_default(const std::string& given);

}  // namespace edgefusion::cli
