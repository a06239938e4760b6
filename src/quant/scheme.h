#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "graph/quantization.h"

namespace edgefusion::quant {

using LayerScheme = graph::Scheme;
using graph::AttentionScheme;
using graph::to_string;

/// The names in recipes and reports, in the order of the enums.
std::span<const std::string_view> layer_scheme_names();
std::span<const std::string_view> attention_scheme_names();
std::optional<LayerScheme> layer_scheme_of(std::string_view name);
std::optional<AttentionScheme> attention_scheme_of(std::string_view name);

}  // namespace edgefusion::quant
