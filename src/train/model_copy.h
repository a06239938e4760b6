#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "core/result.h"

namespace edgefusion::train {

/// Links or copies all of a model's folder but its U-Net (and what is none of a model's) into
/// another one. Errors: io.
Status copy_other_parts(const std::filesystem::path& model, const std::filesystem::path& to);

/// Links or copies these folders of a model. Errors: io.
Status copy_parts(const std::filesystem::path& model, std::span<const std::string_view> parts,
                  const std::filesystem::path& to);

/// Writes an indented JSON file, whole or not at all. Errors: io.
Status write_json(const std::filesystem::path& path, const nlohmann::json& value);

}  // namespace edgefusion::train
