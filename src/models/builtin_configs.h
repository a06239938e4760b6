#pragma once

#include <span>
#include <string_view>

#include "core/result.h"

namespace edgefusion::models {

/// A public architecture, as its config.json would say it: for bench, planner and tests, which need
/// the shapes and no weights.
struct BuiltinConfig {
  std::string_view name;  ///< "bk-sdm-tiny"
  std::string_view json;
};

/// bk-sdm-base, bk-sdm-small, bk-sdm-tiny, sd15, clip-vit-l-14, vae, taesd.
std::span<const BuiltinConfig> builtin_configs();

/// The JSON of one of them. Errors: invalid_argument with the list of names.
Result<std::string_view> builtin_config(std::string_view name);

}  // namespace edgefusion::models
